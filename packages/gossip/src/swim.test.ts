import { ClusterError, nodeId, SeededRandom } from "@murmur/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEMBER_STATES, Swim, type Claim, type Effect, type Message, type Packet, type SwimConfig } from "./index.ts";
import { arbitraryExchange, arbitraryPacket } from "./testing/arbitraries.ts";

/** One core with the test as its network. */
class Bench {
  readonly swim: Swim;
  now = 0;

  constructor(config: Partial<SwimConfig> = {}) {
    const self = { id: nodeId("me"), address: "me:1", meta: new Uint8Array(), incarnation: 0 };
    this.swim = new Swim({ self, random: new SeededRandom(1), config, now: 0 });
  }

  receive(from: string, message: Message, rumors: Packet["rumors"] = []): Effect[] {
    const packet = { from: nodeId(from), message, rumors };
    this.swim.handle({ kind: "datagram", from: `${from}:1`, packet }, this.now);
    return this.swim.effects();
  }

  hear(...claims: Claim[]): Effect[] {
    return this.receive("messenger", { kind: "gossip" }, claims);
  }

  /** Ticks at every deadline, as a driver does, until `until`. */
  run(forMs: number): Effect[] {
    const until = this.now + forMs;
    const effects: Effect[] = [];
    while (this.swim.nextDeadline() <= until) {
      this.now = Math.max(this.now, this.swim.nextDeadline());
      this.swim.tick(this.now);
      effects.push(...this.swim.effects());
    }
    this.now = until;
    return effects;
  }

  /** Runs to the next ping. */
  untilPing(): Extract<Message, { kind: "ping" }> {
    for (let step = 0; step < 1_000; step += 1) {
      for (const { message } of packets(this.run(10))) if (message.kind === "ping") return message;
    }
    throw new Error("no ping");
  }

  state(id: string): string | undefined {
    return this.swim.member(nodeId(id))?.state;
  }
}

const alive = (id: string, incarnation = 0, address = `${id}:1`): Claim => ({
  kind: "alive",
  id: nodeId(id),
  incarnation,
  address,
  meta: new Uint8Array(),
});
const suspect = (id: string, from: string, incarnation = 0): Claim => ({
  kind: "suspect",
  id: nodeId(id),
  incarnation,
  from: nodeId(from),
});
const dead = (id: string, incarnation = 0): Claim => ({ kind: "dead", id: nodeId(id), incarnation, from: nodeId("x") });
const packets = (effects: readonly Effect[]): (Packet & { to: string })[] =>
  effects.flatMap((effect) => (effect.kind === "send" ? { ...effect.packet, to: effect.to } : []));
const warnings = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === "warning" ? effect.text : []));

describe("a probe", () => {
  it("is answered to where it came from, unless it is meant for another", () => {
    const bench = new Bench();
    const [answer] = packets(bench.receive("a", { kind: "ping", number: 7, target: nodeId("me") }));
    expect(answer).toMatchObject({ to: "a:1", message: { kind: "ack", number: 7 } });
    expect(bench.receive("a", { kind: "ping", number: 8, target: nodeId("former") })).toEqual([]);
  });

  it("asks others and the reliable channel after the timeout, and suspects at the end of the period", () => {
    const bench = new Bench();
    bench.hear(alive("t"));
    const { number } = bench.untilPing();
    bench.hear(alive("h1"), alive("h2"));
    const asked = bench.run(200);
    const requests = packets(asked).filter(({ message }) => message.kind === "pingReq");
    expect(requests.map(({ to }) => to).toSorted()).toEqual(["h1:1", "h2:1"]);
    expect(requests[0]?.message).toMatchObject({ number, target: "t", address: "t:1", wantsNack: true });
    expect(asked).toContainEqual(expect.objectContaining({ kind: "reliableProbe", to: "t:1", nodeId: "t", number }));
    expect(bench.state("t")).toBe("alive");
    bench.receive("h1", { kind: "nack", number });
    bench.receive("h2", { kind: "nack", number });
    bench.run(200);
    expect([bench.state("t"), bench.swim.health().score]).toEqual(["suspect", 0]);
  });

  it.each([
    ["the target's own ack", "t", "alive"],
    ["a helper's ack", "h1", "alive"],
    ["a stranger's ack", "stranger", "suspect"],
  ])("counts %s", (_, from, state) => {
    const bench = new Bench();
    bench.hear(alive("t"));
    const { number } = bench.untilPing();
    bench.hear(alive("h1"));
    bench.run(200);
    bench.receive(from, { kind: "ack", number });
    bench.run(200);
    expect(bench.state("t")).toBe(state);
  });

  it("takes missing nacks, and failure without helpers, for signs of bad health, and an ack for a good one", () => {
    const bench = new Bench();
    bench.hear(alive("t"));
    const { number } = bench.untilPing();
    bench.hear(alive("h1"), alive("h2"), alive("h3"));
    bench.run(200);
    bench.receive("h1", { kind: "nack", number });
    bench.run(200);
    expect(bench.swim.health().score).toBe(2);

    const alone = new Bench();
    alone.hear(alive("t"));
    alone.untilPing();
    const [next] = packets(alone.run(400)).filter(({ message }) => message.kind === "ping");
    expect(alone.swim.health().score).toBe(1);
    if (next?.message.kind === "ping") alone.receive("t", { kind: "ack", number: next.message.number });
    expect(alone.swim.health().score).toBe(0);
  });

  it("succeeds over the reliable channel, and then says that datagrams do not come through", () => {
    const bench = new Bench();
    bench.hear(alive("t"));
    const { number } = bench.untilPing();
    bench.run(200);
    bench.swim.handle({ kind: "reliableAck", number, nodeId: nodeId("t") }, bench.now);
    expect(warnings(bench.run(400))).toEqual([expect.stringContaining("not over UDP")]);
    expect(bench.state("t")).toBe("alive");
  });

  it("takes longer while this node is unwell", () => {
    const bench = new Bench();
    bench.hear(alive("t"));
    for (let incarnation = 0; incarnation < 3; incarnation += 1) bench.hear(suspect("me", "x", incarnation));
    expect(bench.swim.health().score).toBe(3);
    bench.untilPing();
    expect(bench.run(790).filter(({ kind }) => kind === "reliableProbe")).toEqual([]);
    expect(bench.run(20).filter(({ kind }) => kind === "reliableProbe")).toHaveLength(1);
    expect([bench.run(780), bench.state("t")].at(1)).toBe("alive");
    bench.run(30);
    expect(bench.state("t")).toBe("suspect");
  });
});

describe("a probe for another", () => {
  const request = {
    kind: "pingReq",
    number: 5,
    target: nodeId("t"),
    address: "t:9",
    timeoutMs: 200,
    wantsNack: true,
  } as const;

  it("passes the ack on", () => {
    const bench = new Bench();
    const [ping] = packets(bench.receive("asker", request));
    expect(ping).toMatchObject({ to: "t:9", message: { kind: "ping", target: "t" } });
    const number = ping?.message.kind === "ping" ? ping.message.number : 0;
    expect(bench.receive("stranger", { kind: "ack", number })).toEqual([]);
    const [ack] = packets(bench.receive("t", { kind: "ack", number }));
    expect(ack).toMatchObject({ to: "asker:1", message: { kind: "ack", number: 5 } });
    expect(bench.receive("t", { kind: "ack", number })).toEqual([]);
  });

  it("says in time that there was no ack", () => {
    const bench = new Bench();
    bench.receive("asker", request);
    expect(packets(bench.run(159))).toEqual([]);
    expect(packets(bench.run(1))).toMatchObject([{ to: "asker:1", message: { kind: "nack", number: 5 } }]);
    bench.run(40);
    expect(bench.swim.health().relays).toBe(0);
  });

  it("is refused at once when there are too many", () => {
    const bench = new Bench({ relaysMax: 1 });
    bench.receive("asker", request);
    const answer = packets(bench.receive("asker", { ...request, number: 6 }));
    expect(answer).toMatchObject([{ to: "asker:1", message: { kind: "nack", number: 6 } }]);
  });

  it("ends without a nack when this node stalled", () => {
    const bench = new Bench();
    bench.receive("asker", request);
    bench.now += 300;
    bench.swim.tick(bench.now);
    expect(packets(bench.swim.effects())).toEqual([]);
  });
});

describe("a suspicion", () => {
  const others = ["a", "b", "c", "d", "e"].map((id) => alive(id));

  it("lasts long when nobody confirms it, and short when others do", () => {
    const config = { probeIntervalMs: 100_000, probeTimeoutMs: 1_000, suspicionAlpha: 0.01, suspicionBeta: 6 };
    const bench = new Bench(config);
    bench.hear(
      ...others,
      suspect("a", "b"),
      suspect("b", "c"),
      suspect("b", "d"),
      suspect("b", "e"),
      suspect("b", "a"),
    );
    bench.run(1_000);
    expect([bench.state("a"), bench.state("b")]).toEqual(["suspect", "dead"]);
    bench.run(5_000);
    expect(bench.state("a")).toBe("dead");
  });

  it("is told to the suspected in every packet to it (Buddy)", () => {
    const ping = { kind: "ping", number: 7, target: nodeId("me") } as const;
    const told = (config: Partial<SwimConfig>): Packet["rumors"] => {
      const bench = new Bench(config);
      bench.hear(alive("a"), suspect("a", "x"));
      for (let round = 0; round < 20; round += 1) bench.receive("x", ping);
      return packets(bench.receive("a", ping))[0]?.rumors ?? [];
    };
    expect(told({ buddy: true })).toEqual([suspect("a", "me")]);
    expect(told({ buddy: false })).toEqual([]);
  });

  it("ends when the suspected refutes, and not by its old word", () => {
    const bench = new Bench();
    bench.hear(alive("a"), suspect("a", "x"), alive("a"));
    expect(bench.state("a")).toBe("suspect");
    const changes = bench.hear(alive("a", 1)).flatMap((effect) => (effect.kind === "member" ? effect.change : []));
    expect([changes, bench.state("a")]).toEqual([["alive"], "alive"]);
  });
});

describe("the gone", () => {
  it("hear in every packet that they are held dead or gone", () => {
    const bench = new Bench();
    bench.hear(alive("a"), dead("a"), alive("b"), { kind: "left", id: nodeId("b"), incarnation: 0 });
    const answer = (from: string) => packets(bench.receive(from, { kind: "ping", number: 1, target: nodeId("me") }))[0];
    expect(answer("a")?.rumors[0]).toMatchObject({ kind: "dead", id: "a" });
    expect(answer("b")?.rumors[0]).toMatchObject({ kind: "left", id: "b" });
  });

  it("are forgotten after the reclaim time", () => {
    const bench = new Bench({ reclaimMs: 5_000 });
    bench.hear(alive("a"), dead("a"));
    expect([bench.run(4_000), bench.state("a")].at(1)).toBe("dead");
    const changes = bench.run(2_000).flatMap((effect) => (effect.kind === "member" ? effect.change : []));
    expect([changes, bench.state("a")]).toEqual([["forgotten"], undefined]);
  });

  it("make room for the living when the table is full; the living do not", () => {
    const bench = new Bench({ membersMax: 3 });
    bench.hear(alive("a"), alive("b"), dead("a"));
    bench.hear(alive("c"));
    expect([bench.state("a"), bench.state("c")]).toEqual([undefined, "alive"]);
    expect(warnings(bench.hear(alive("d")))).toEqual([expect.stringContaining("its limit")]);
    expect([bench.state("d"), bench.swim.health().members]).toEqual([undefined, 3]);
  });
});

describe("a stall", () => {
  it("fails nobody: the probe under way is given up and health falls", () => {
    const bench = new Bench();
    bench.hear(alive("t"));
    bench.untilPing();
    bench.now += 30_000;
    bench.swim.tick(bench.now);
    bench.swim.effects();
    expect([bench.state("t"), bench.swim.health().score, bench.swim.health().stalls]).toEqual(["alive", 4, 1]);
  });

  it("is noticed too when a packet comes before the late tick", () => {
    const bench = new Bench();
    bench.hear(alive("t"));
    bench.untilPing();
    bench.now += 30_000;
    bench.receive("x", { kind: "gossip" });
    expect(bench.swim.health().stalls).toBe(1);
    bench.swim.tick(bench.now);
    expect([bench.state("t"), bench.swim.health().stalls]).toEqual(["alive", 1]);
  });

  it("postpones suspicions by what was lost, and until waiting packets can be read", () => {
    const bench = new Bench({ probeIntervalMs: 100_000, suspicionAlpha: 0.01, suspicionConfirmations: 0 });
    bench.hear(alive("a"), suspect("a", "x"));
    bench.run(990);
    bench.now += 30_000;
    bench.swim.tick(bench.now);
    bench.swim.effects();
    expect([bench.run(199), bench.state("a")].at(1)).toBe("suspect");
    bench.run(1);
    expect(bench.state("a")).toBe("dead");
  });

  it("is not what silence is: news after a long calm are no late call", () => {
    const bench = new Bench();
    bench.run(3_333);
    bench.hear(alive("a"));
    bench.swim.publish({ key: "k", payload: new Uint8Array(), ttlMs: 1_000 }, bench.now);
    bench.run(1_000);
    expect(bench.swim.health().stalls).toBe(0);
  });
});

describe("leaving", () => {
  it("says farewell until it has spread, and does nothing more", () => {
    const bench = new Bench();
    bench.hear(alive("a"), alive("b"));
    bench.swim.leave(bench.now);
    const effects = [...bench.swim.effects(), ...bench.run(2_000)];
    expect(packets(effects).some(({ rumors }) => rumors.some(({ kind }) => kind === "left"))).toBe(true);
    expect(effects.at(-1)).toEqual({ kind: "leaveFinished", spread: true });
    expect(bench.swim.nextDeadline()).toBe(Infinity);
    expect(bench.receive("a", { kind: "ping", number: 1, target: nodeId("me") })).toEqual([]);
  });

  it("ends at once for one who is alone", () => {
    const bench = new Bench();
    bench.swim.leave(0);
    expect(bench.swim.effects()).toEqual([{ kind: "leaveFinished", spread: true }]);
  });

  it("is not refuted, and is for good", () => {
    const bench = new Bench();
    bench.hear(alive("a"));
    bench.swim.leave(bench.now);
    bench.hear(suspect("me", "a"));
    expect(bench.state("me")).toBe("left");
    expect(() => bench.swim.join(["a:1"], bench.now)).toThrow(ClusterError);
  });
});

describe("joining", () => {
  it("asks each address once, but not itself, and goes on while it is alone", () => {
    const bench = new Bench();
    bench.swim.join(["a:1", "me:1", "b:1", "a:1"], 0);
    const asked = (effects: Effect[]) => effects.flatMap((effect) => (effect.kind === "pushPull" ? effect.to : []));
    expect(asked(bench.swim.effects()).toSorted()).toEqual(["a:1", "b:1"]);
    expect(asked(bench.run(20_000)).length).toBeGreaterThan(4);
    bench.hear(alive("c"), alive("d"));
    expect(asked(bench.run(400)).filter((to) => to === "a:1")).toEqual([]);
  });

  it("refuses what is no address or no identity", () => {
    const bench = new Bench();
    expect(() => bench.swim.join(["no address"], 0)).toThrow(ClusterError);
    expect(() => bench.swim.setMeta(new Uint8Array(513), 0)).toThrow(ClusterError);
    expect(() => bench.swim.setAddress("", 0)).toThrow(ClusterError);
  });
});

describe("two nodes with one id", () => {
  it("are noticed by a third", () => {
    const bench = new Bench();
    bench.hear(alive("a", 1, "here:1"));
    bench.hear(alive("a", 2, "there:1"));
    expect(warnings(bench.hear(alive("a", 3, "here:1")))).toEqual([expect.stringContaining("two nodes use the id a")]);
  });
});

describe("whatever arrives", () => {
  const subject = fc.constantFrom("a", "b", "me");
  const incarnation = fc.nat({ max: 3 });
  const claim: fc.Arbitrary<Claim> = fc.oneof(
    fc.tuple(subject, incarnation).map(([id, number]) => alive(id, number)),
    fc.tuple(subject, incarnation).map(([id, number]) => suspect(id, "x", number)),
    fc.tuple(subject, incarnation).map(([id, number]) => dead(id, number)),
    fc
      .tuple(subject, incarnation)
      .map(([id, number]) => ({ kind: "left", id: nodeId(id), incarnation: number }) as const),
  );

  it("no member ever goes back", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(claim, fc.nat({ max: 500 })), { maxLength: 40 }), (steps) => {
        const bench = new Bench();
        const ranks = new Map<string, number>();
        for (const [heard, pauseMs] of steps) {
          bench.hear(heard);
          bench.run(pauseMs);
          for (const { id, incarnation: number, state } of bench.swim.members()) {
            const rank = number * 4 + MEMBER_STATES.indexOf(state);
            expect(rank).toBeGreaterThanOrEqual(ranks.get(id) ?? 0);
            ranks.set(id, rank);
          }
        }
        expect(bench.state("me")).toBe("alive");
      }),
    );
  });

  it("nothing throws, and everything sent fits a datagram", () => {
    const input = fc.oneof(
      arbitraryPacket.map((packet) => ({ kind: "datagram", from: "x:1", packet }) as const),
      arbitraryExchange.map((exchange) => ({ kind: "pushPull", exchange }) as const),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 20 }), (inputs) => {
        const bench = new Bench({ membersMax: 8, publicationsMax: 4, queueMax: 16, relaysMax: 4 });
        for (const next of inputs) {
          bench.swim.handle(next, bench.now);
          bench.swim.effects();
          bench.run(50);
          const { members, publications, relays, rumorsWaiting } = bench.swim.health();
          expect(members <= 8 && publications <= 4 && relays <= 4 && rumorsWaiting <= 16).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});
