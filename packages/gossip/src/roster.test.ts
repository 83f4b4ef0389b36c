import { nodeId, SeededRandom } from "@murmur/base";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { MEMBER_STATES, type MemberRecord, type MemberState } from "./member.ts";
import { Roster } from "./roster.ts";

const record = (name: string, state: MemberState, since = 0): MemberRecord => ({
  id: nodeId(name),
  status: { state, incarnation: 0 },
  content: { address: `${name}:1`, meta: new Uint8Array(), incarnation: 0 },
  since,
});

it("counts and finds its records whatever comes and goes", () => {
  const step = fc.record({
    name: fc.constantFrom("a", "b", "c", "d", "e"),
    state: fc.option(fc.constantFrom(...MEMBER_STATES), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const roster = new Roster(10, new SeededRandom(1));
      const model = new Map<string, MemberState>();
      for (const { name, state } of steps) {
        if (state === undefined) {
          roster.remove(nodeId(name));
          model.delete(name);
        } else {
          roster.put(record(name, state));
          model.set(name, state);
        }
      }
      const live = [...model].filter(([, state]) => state === "alive" || state === "suspect").map(([name]) => name);
      expect([roster.size, roster.live]).toEqual([model.size, live.length]);
      const sample = roster.sample(10, ({ state }) => state === "alive" || state === "suspect");
      expect(sample.map(({ id }) => id).toSorted()).toEqual(live.toSorted());
    }),
  );
});

it("samples different members, each with about the same chance", () => {
  const roster = new Roster(100, new SeededRandom(7));
  for (let index = 0; index < 40; index += 1) roster.put(record(`n${index}`, index % 4 === 0 ? "dead" : "alive"));
  const counts = new Map<string, number>();
  for (let round = 0; round < 3_000; round += 1) {
    const chosen = roster.sample(3, ({ state }) => state === "alive");
    expect(new Set(chosen).size).toBe(3);
    for (const { id } of chosen) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  expect(counts.size).toBe(30);
  expect(Math.min(...counts.values())).toBeGreaterThan(200);
});

it("finds the few that fit among many that do not", () => {
  const roster = new Roster(1_000, new SeededRandom(7));
  for (let index = 0; index < 500; index += 1) roster.put(record(`n${index}`, index < 2 ? "alive" : "dead"));
  expect(roster.sample(3, ({ state }) => state === "alive")).toHaveLength(2);
});

it("knows who has been gone for longest, and for how long", () => {
  const roster = new Roster(10, new SeededRandom(1));
  for (const gone of [record("a", "dead", 30), record("b", "left", 10), record("c", "alive", 0)]) roster.put(gone);
  expect(roster.longestGone()?.id).toBe("b");
  expect(roster.goneFor(15, 30).map(({ id }) => id)).toEqual(["b"]);
});

it("shows no tombstone of one that it never saw", () => {
  const roster = new Roster(10, new SeededRandom(1));
  roster.put({ ...record("a", "dead"), content: undefined });
  expect([roster.size, roster.views(), roster.sample(1, () => true)]).toEqual([1, [], []]);
});
