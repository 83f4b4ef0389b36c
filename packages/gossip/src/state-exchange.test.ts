import { nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Effect, Exchange, Publication, Snapshot } from "./index.ts";
import { swimConfig } from "./config.ts";
import { suspicionTimeoutMs, suspicionTimes } from "./suspicion.ts";
import { alive, LoneCore, packets, suspect } from "./testing/lone-core.ts";

const snapshot = (id: string, state: Snapshot["state"], changes: Partial<Snapshot> = {}): Snapshot => ({
  id: nodeId(id),
  state,
  incarnation: 0,
  address: `${id}:1`,
  meta: new Uint8Array(),
  contentIncarnation: 0,
  ageMs: 0,
  published: 0,
  ...changes,
});
const exchange = (members: readonly Snapshot[], changes: Partial<Exchange> = {}): Exchange => ({
  kind: "reply",
  from: nodeId("peer"),
  address: "peer:1",
  joining: false,
  last: true,
  members,
  publications: [],
  ...changes,
});
const hear = (core: LoneCore, message: Exchange): Effect[] => {
  core.swim.handle({ kind: "pushPull", exchange: message }, core.now);
  return core.swim.effects();
};
const exchanges = (effects: readonly Effect[]): (Exchange & { to: string })[] =>
  effects.flatMap((effect) => (effect.kind === "pushPull" ? { ...effect.exchange, to: effect.to } : []));

describe("a state exchange", () => {
  it("is answered to the asker's address when its last part has come", () => {
    const core = new LoneCore();
    const request = exchange([snapshot("peer", "alive")], { kind: "request", joining: true });
    expect(exchanges(hear(core, { ...request, last: false }))).toEqual([]);
    const answers = hear(core, request);
    expect(answers.find(({ kind }) => kind === "pushPull")).toMatchObject({ nodeId: "peer" });
    const [reply] = exchanges(answers);
    expect(reply).toMatchObject({
      to: "peer:1",
      kind: "reply",
      from: "me",
      address: "me:1",
      joining: true,
      last: true,
    });
    expect(reply?.members.map(({ id }) => id)).toEqual(["me", "peer"]);
    expect(exchanges(hear(core, exchange([])))).toEqual([]);
  });

  it("brings members in each state, with the content that belongs to it", () => {
    const core = new LoneCore();
    const members = [
      snapshot("a", "alive", { incarnation: 2, contentIncarnation: 2 }),
      snapshot("s", "suspect", { incarnation: 5, contentIncarnation: 4 }),
      snapshot("d", "dead", { ageMs: 700 }),
      snapshot("l", "left"),
    ];
    core.now = 300;
    const changes = hear(core, exchange(members)).flatMap((effect) =>
      effect.kind === "member" ? `${effect.change} ${effect.member.id}` : [],
    );
    expect(changes).toEqual(["joined a", "joined s", "suspected s", "dead d", "left l"]);
    expect(core.swim.member(nodeId("s"))).toMatchObject({ state: "suspect", incarnation: 5, address: "s:1" });
    expect(core.swim.member(nodeId("d"))).toMatchObject({ since: -400 });
  });

  it("forgets the dead at the time at which others do, and learns of none that is due", () => {
    const core = new LoneCore({ reclaimMs: 5_000 });
    hear(core, exchange([snapshot("soon", "dead", { ageMs: 3_500 }), snapshot("due", "dead", { ageMs: 5_000 })]));
    expect([core.state("soon"), core.state("due")]).toEqual(["dead", undefined]);
    core.run(2_500);
    expect(core.state("soon")).toBeUndefined();
  });

  it("takes the death of one who lives here for a suspicion, and tells the accused at once", () => {
    const core = new LoneCore();
    core.hear(alive("a", 1), alive("b", 1), alive("c", 1));
    const told = packets(hear(core, exchange([snapshot("a", "dead", { incarnation: 1 }), snapshot("b", "dead")])));
    expect([core.state("a"), core.state("b")]).toEqual(["suspect", "alive"]);
    expect(told.map(({ to }) => to)).toEqual(["a:1"]);
    expect(told[0]?.rumors).toContainEqual({ kind: "dead", id: "a", incarnation: 1, from: "peer" });
  });

  it("tells this node what others believe of it, and of its former runs", () => {
    const core = new LoneCore();
    hear(
      core,
      exchange([snapshot("me", "dead", { incarnation: 6, contentIncarnation: 5, address: "me:1", published: 9 })]),
    );
    expect(core.swim.member(nodeId("me"))).toMatchObject({ state: "alive", incarnation: 7 });
    core.swim.publish({ key: "k", payload: new Uint8Array(), ttlMs: 1_000 }, 0);
    const request = exchange([snapshot("peer", "alive")], { kind: "request" });
    const [reply] = exchanges([...core.swim.effects(), ...hear(core, request)]);
    expect(reply?.publications).toMatchObject([{ key: "k", sequence: 10 }]);
  });

  it("is not passed on by one who has just come, and is by others", () => {
    for (const joining of [true, false]) {
      const core = new LoneCore();
      hear(core, exchange([snapshot("a", "alive"), snapshot("b", "alive")], { joining }));
      expect(core.swim.health().rumorsWaiting).toBe(joining ? 0 : 2);
    }
  });

  it("delivers publications that still live", () => {
    const core = new LoneCore();
    const publication: Publication = {
      kind: "publication",
      origin: nodeId("o"),
      key: "k",
      sequence: 1,
      payload: new Uint8Array([1]),
      ttlMs: 1_000,
    };
    const message = exchange([], { publications: [publication, publication] });
    const broadcasts = hear(core, message).filter(({ kind }) => kind === "broadcast");
    expect(broadcasts).toEqual([{ kind: "broadcast", origin: "o", key: "k", payload: new Uint8Array([1]) }]);
  });

  it("with oneself is nothing", () => {
    const core = new LoneCore();
    expect(hear(core, exchange([snapshot("a", "alive")], { kind: "request", from: nodeId("me") }))).toEqual([]);
    expect(core.state("a")).toBeUndefined();
  });

  it("follows soon after news, and later and later without", () => {
    const core = new LoneCore({ probeIntervalMs: 1_000_000 });
    core.hear(alive("a"));
    const times: number[] = [];
    for (let second = 0; second < 90; second += 1) {
      const asked = exchanges(core.run(1_000)).filter(({ kind }) => kind === "request");
      if (asked.length > 0) times.push(second);
      if (second === 60) hear(core, exchange([snapshot("b", "alive")]));
    }
    const between = (from: number, to: number) => times.filter((time) => time >= from && time < to).length;
    expect(between(0, 10)).toBeGreaterThanOrEqual(2);
    expect(between(20, 60)).toBeLessThanOrEqual(3);
    expect(between(61, 71)).toBeGreaterThanOrEqual(2);
  });
});

describe("what peers say of a suspected member in exchanges", () => {
  const SETTINGS = { probeIntervalMs: 100_000, probeTimeoutMs: 1_000, suspicionAlpha: 0.01, suspicionBeta: 6 } as const;
  const names = ["a", "b", "c", "d", "e", "f"];
  const moments = fc.array(
    fc.record({
      afterMs: fc.nat({ max: 2_000 }),
      from: fc.constantFrom(...names.slice(1)),
      how: fc.constantFrom("accuses", "believes it suspect", "believes it dead"),
    }),
    { maxLength: 12 },
  );

  /** When `a` is held dead here, and by whose word this node accuses it before others. */
  function story(events: readonly { afterMs: number; from: string; how: string }[]) {
    const core = new LoneCore(SETTINGS);
    core.hear(...names.map((name) => alive(name)));
    const effects: Effect[] = [];
    const deaths: number[] = [];
    const pass = (forMs: number): void => {
      for (let passed = 0; passed < forMs; passed += 1) {
        effects.push(...core.run(1));
        if (core.state("a") === "dead" && deaths.length === 0) deaths.push(core.now);
      }
    };
    for (const { afterMs, from, how } of events) {
      pass(afterMs);
      const state = how === "believes it dead" ? "dead" : "suspect";
      const heard =
        how === "accuses"
          ? core.hear(suspect("a", from))
          : hear(core, exchange([snapshot("a", state)], { from: nodeId(from) }));
      effects.push(...heard);
    }
    pass(7_000);
    const told = packets(effects).flatMap(({ to, rumors }) => (to === "a:1" ? [] : rumors));
    const accusers = told.flatMap((rumor) => (rumor.kind === "suspect" ? [String(rumor.from)] : []));
    return { deathMs: deaths[0], accusers: new Set(accusers) };
  }

  it("begins a suspicion, and neither confirms one nor is passed on as an accusation", () => {
    fc.assert(
      fc.property(moments, (events) => {
        const { deathMs = Infinity, accusers } = story(events);
        const accusations = events.filter(({ how }) => how === "accuses");
        const first = events[0]?.afterMs ?? 0;
        const accused = new Set(accusations.map(({ from }) => from));
        const confirmations = Math.max(0, accused.size - 1);
        const leastMs = suspicionTimeoutMs(suspicionTimes(swimConfig(SETTINGS), names.length + 1), confirmations);
        expect(deathMs - first).toBeGreaterThanOrEqual(Math.floor(leastMs));
        for (const accuser of accusers) expect(accused).toContain(accuser);
      }),
      { numRuns: 50 },
    );
  });

  it("does not shorten the suspicion that three peers pass on beyond what its one accuser does", () => {
    const believers = ["c", "d", "e"].map((from) => ({ afterMs: 100, from, how: "believes it suspect" }));
    const alone = story([{ afterMs: 0, from: "b", how: "accuses" }]);
    expect(story([{ afterMs: 0, from: "b", how: "accuses" }, ...believers])).toEqual(alone);
  });
});
