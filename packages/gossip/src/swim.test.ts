import { ClusterError, nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEMBER_STATES, type Claim, type Effect } from "./index.ts";
import { arbitraryExchange, arbitraryPacket } from "./testing/arbitraries.ts";
import { alive, dead, LoneCore, packets, suspect } from "./testing/lone-core.ts";

describe("a stall", () => {
  it("fails nobody: the probe under way is given up and health falls", () => {
    const bench = new LoneCore();
    bench.hear(alive("t"));
    bench.untilPing();
    bench.now += 30_000;
    bench.swim.tick(bench.now);
    bench.swim.effects();
    expect([bench.state("t"), bench.swim.health().score, bench.swim.health().stalls]).toEqual(["alive", 4, 1]);
  });

  it("is noticed too when a packet comes before the late tick", () => {
    const bench = new LoneCore();
    bench.hear(alive("t"));
    bench.untilPing();
    bench.now += 30_000;
    bench.receive("x", { kind: "gossip" });
    expect(bench.swim.health().stalls).toBe(1);
    bench.swim.tick(bench.now);
    expect([bench.state("t"), bench.swim.health().stalls]).toEqual(["alive", 1]);
  });

  it("postpones suspicions by what was lost, and until waiting packets can be read", () => {
    const bench = new LoneCore({ probeIntervalMs: 100_000, suspicionAlpha: 0.01, suspicionConfirmations: 0 });
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
    const bench = new LoneCore();
    bench.run(3_333);
    bench.hear(alive("a"));
    bench.swim.publish({ key: "k", payload: new Uint8Array(), ttlMs: 1_000 }, bench.now);
    bench.run(1_000);
    expect(bench.swim.health().stalls).toBe(0);
  });
});

describe("leaving", () => {
  it("says farewell until it has spread, and does nothing more", () => {
    const bench = new LoneCore();
    bench.hear(alive("a"), alive("b"));
    bench.swim.leave(bench.now);
    const effects = [...bench.swim.effects(), ...bench.run(2_000)];
    expect(packets(effects).some(({ rumors }) => rumors.some(({ kind }) => kind === "left"))).toBe(true);
    expect(effects.at(-1)).toEqual({ kind: "leaveFinished", spread: true });
    expect(bench.swim.nextDeadline()).toBe(Infinity);
    expect(bench.receive("a", { kind: "ping", number: 1, target: nodeId("me") })).toEqual([]);
  });

  it("ends at once for one who is alone", () => {
    const bench = new LoneCore();
    bench.swim.leave(0);
    expect(bench.swim.effects()).toEqual([{ kind: "leaveFinished", spread: true }]);
  });

  it("is not refuted, and is for good", () => {
    const bench = new LoneCore();
    bench.hear(alive("a"));
    bench.swim.leave(bench.now);
    bench.hear(suspect("me", "a"));
    expect(bench.state("me")).toBe("left");
    expect(() => bench.swim.join(["a:1"], bench.now)).toThrow(ClusterError);
  });
});

describe("joining", () => {
  it("asks each address once, but not itself, and goes on while it is alone", () => {
    const bench = new LoneCore();
    bench.swim.join(["a:1", "me:1", "b:1", "a:1"], 0);
    const asked = (effects: Effect[]) => effects.flatMap((effect) => (effect.kind === "pushPull" ? effect.to : []));
    expect(asked(bench.swim.effects()).toSorted()).toEqual(["a:1", "b:1"]);
    expect(asked(bench.run(20_000)).length).toBeGreaterThan(4);
    bench.hear(alive("c"), alive("d"));
    expect(asked(bench.run(400)).filter((to) => to === "a:1")).toEqual([]);
  });

  it("refuses what is no address or no identity", () => {
    const bench = new LoneCore();
    expect(() => bench.swim.join(["no address"], 0)).toThrow(ClusterError);
    expect(() => bench.swim.setMeta(new Uint8Array(513), 0)).toThrow(ClusterError);
    expect(() => bench.swim.setAddress("", 0)).toThrow(ClusterError);
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
        const bench = new LoneCore();
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
        const bench = new LoneCore({ membersMax: 8, publicationsMax: 4, queueMax: 16, relaysMax: 4 });
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

it("shows the same list of members until one of them changes, and then a new one", () => {
  const bench = new LoneCore();
  bench.hear(alive("a"));
  const shown = bench.swim.members();
  expect(bench.swim.members()).toBe(shown);
  bench.hear(suspect("a", "x"));
  const suspected = bench.swim.members();
  expect(suspected.at(1)?.state).toBe("suspect");
  expect(shown.at(1)?.state).toBe("alive");
  bench.swim.setMeta(new Uint8Array([7]), bench.now);
  expect(bench.swim.members().at(0)?.meta).toEqual(new Uint8Array([7]));
  expect(suspected.at(0)?.meta).toEqual(new Uint8Array(0));
});
