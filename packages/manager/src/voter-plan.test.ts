import { nodeId, type NodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planVoters, voterCount, type MembershipFacts, type VoterCandidate } from "./voter-plan.ts";

const node = (name: string, changes: Partial<VoterCandidate> = {}): VoterCandidate => ({
  id: nodeId(name),
  usable: true,
  zone: "",
  pinned: undefined,
  ...changes,
});
const facts = (voters: string, changes: Partial<MembershipFacts> = {}): MembershipFacts => ({
  leader: nodeId(voters.charAt(0)),
  voters: voters.split("").map(nodeId),
  learners: [],
  caughtUp: new Set(),
  heard: "abcdefg".replace(voters.charAt(0), "").split("").map(nodeId),
  tried: [],
  changing: false,
  ...changes,
});
const ids = (text: string): NodeId[] => text.split("").map(nodeId);

describe("voterCount", () => {
  it("is one below three nodes, and odd", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 9].map((nodes) => voterCount(5, nodes))).toEqual([0, 1, 1, 3, 3, 5, 5, 5]);
  });
});

describe("planVoters", () => {
  it("leaves a lone voter and a second node as they are", () => {
    expect(planVoters([node("a"), node("b")], facts("a"), 3)).toEqual({ kind: "none" });
  });

  it("takes two learners in when the third node joins, and lets both vote at once", () => {
    const nodes = [node("a"), node("b"), node("c")];
    expect(planVoters(nodes, facts("a"), 3)).toEqual({ kind: "change", voters: ids("a"), learners: ids("bc") });
    const one = facts("a", { learners: ids("bc"), caughtUp: new Set(ids("b")) });
    expect(planVoters(nodes, one, 3)).toEqual({ kind: "none" });
    const both = facts("a", { learners: ids("bc"), caughtUp: new Set(ids("bc")) });
    expect(planVoters(nodes, both, 3)).toEqual({ kind: "change", voters: ids("abc"), learners: [] });
  });

  it("replaces a lost voter only when its successor has caught up", () => {
    const nodes = [node("a"), node("b"), node("c", { usable: false }), node("d")];
    expect(planVoters(nodes, facts("abc"), 3)).toEqual({ kind: "change", voters: ids("abc"), learners: ids("d") });
    const waiting = facts("abc", { learners: ids("d") });
    expect(planVoters(nodes, waiting, 3)).toEqual({ kind: "none" });
    const ready = facts("abc", { learners: ids("d"), caughtUp: new Set(ids("d")) });
    expect(planVoters(nodes, ready, 3)).toEqual({ kind: "change", voters: ids("abd"), learners: [] });
  });

  it("lets no learner vote that isn't heard from, but one that is down where there is no other", () => {
    const nodes = [node("a"), node("b"), node("c")];
    const silent = facts("a", { learners: ids("bc"), caughtUp: new Set(ids("bc")), heard: ids("b") });
    expect(planVoters(nodes, silent, 3)).toEqual({ kind: "none" });
    const down = [node("a"), node("b"), node("c", { usable: false })];
    expect(planVoters(down, silent, 3)).toEqual({ kind: "change", voters: ids("abc"), learners: [] });
    expect(planVoters([...down, node("d")], silent, 3)).toEqual({
      kind: "change",
      voters: ids("a"),
      learners: ids("bd"),
    });
  });

  it("keeps a lost voter when nobody can take its place", () => {
    expect(planVoters([node("a"), node("b"), node("c", { usable: false })], facts("abc"), 3)).toEqual({ kind: "none" });
  });

  it("drops a voter that was removed from the cluster", () => {
    expect(planVoters([node("a"), node("b"), node("d")], facts("abcd"), 3)).toEqual({
      kind: "change",
      voters: ids("abd"),
      learners: [],
    });
  });

  it("hands over before the leader leaves", () => {
    const nodes = [node("a", { pinned: "worker" }), node("b"), node("c"), node("d")];
    const all = facts("abc", { learners: ids("d"), caughtUp: new Set(ids("d")) });
    expect(planVoters(nodes, all, 3)).toEqual({ kind: "transfer", to: "b" });
    expect(planVoters(nodes, { ...all, heard: ids("cbd") }, 3)).toEqual({ kind: "transfer", to: "c" });
    expect(planVoters(nodes, { ...all, heard: ids("d") }, 3)).toEqual({ kind: "none" });
  });

  it("hands over to one that was to go, where the one that was to stay isn't heard from any more", () => {
    const nodes = [node("a", { pinned: "worker" }), node("b"), node("c")];
    expect(planVoters(nodes, facts("abc"), 3)).toEqual({ kind: "transfer", to: "b" });
    expect(planVoters(nodes, facts("abc", { heard: ids("c") }), 3)).toEqual({ kind: "transfer", to: "c" });
    const workers = nodes.map((candidate) =>
      candidate.id === nodeId("c") ? node("c", { pinned: "worker" }) : candidate,
    );
    expect(planVoters(workers, facts("abc", { heard: ids("c") }), 3)).toEqual({ kind: "none" });
  });

  it("tries another one where nobody took over, and then the first again", () => {
    const nodes = [node("a", { pinned: "worker" }), node("b"), node("c")];
    expect(planVoters(nodes, facts("abc", { tried: ids("b") }), 3)).toEqual({ kind: "transfer", to: "c" });
    expect(planVoters(nodes, facts("abc", { tried: ids("bc") }), 3)).toEqual({ kind: "transfer", to: "b" });
    expect(planVoters(nodes, facts("abc", { tried: ids("cb") }), 3)).toEqual({ kind: "transfer", to: "c" });
  });

  it("asks for no voters of which most are not heard from, although they count as usable", () => {
    const [a, b, c] = [node("a"), node("b"), node("c")];
    const copied = { learners: ids("bc"), caughtUp: new Set(ids("bc")) };
    expect(planVoters([a, b, c], facts("a", { ...copied, heard: [] }), 3)).toEqual({ kind: "none" });
    expect(planVoters([a, b, c], facts("a", copied), 3)).toMatchObject({ voters: ids("abc") });
  });

  it("lets the only voter leave: a successor is taken in, then it hands over, then it is dropped", () => {
    const rest = [node("b")];
    expect(planVoters(rest, facts("a"), 3)).toEqual({ kind: "change", voters: ids("a"), learners: ids("b") });
    const ready = facts("a", { learners: ids("b"), caughtUp: new Set(ids("b")) });
    expect(planVoters(rest, ready, 3)).toEqual({ kind: "change", voters: ids("ab"), learners: [] });
    expect(planVoters(rest, facts("ab"), 3)).toEqual({ kind: "transfer", to: "b" });
    expect(planVoters(rest, facts("ba"), 3)).toEqual({ kind: "change", voters: ids("b"), learners: [] });
  });

  it("keeps a pinned manager that makes the number even as a learner", () => {
    const pair = [node("a", { pinned: "manager" }), node("b", { pinned: "manager" })];
    expect(planVoters(pair, facts("a"), 3)).toEqual({ kind: "change", voters: ids("a"), learners: ids("b") });
    const copied = facts("a", { learners: ids("b"), caughtUp: new Set(ids("b")) });
    expect(planVoters(pair, copied, 3)).toEqual({ kind: "none" });
    expect(planVoters([node("a"), node("b", { pinned: "worker" })], copied, 3)).toEqual({
      kind: "change",
      voters: ids("a"),
      learners: [],
    });
    const founder = [node("a"), node("b", { pinned: "manager" })];
    expect(planVoters(founder, copied, 3)).toEqual({ kind: "none" });
    const four = ["a", "b", "c", "d"].map((name) => node(name, { pinned: "manager" }));
    expect(planVoters(four, facts("abc"), 3)).toEqual({ kind: "change", voters: ids("abc"), learners: ids("d") });
  });

  it("makes a pinned voter that is down a learner when another takes its vote", () => {
    const nodes = ["a", "b", "c", "d"].map((name) => node(name, { pinned: "manager", usable: name !== "c" }));
    const ready = facts("abc", { learners: ids("d"), caughtUp: new Set(ids("d")) });
    expect(planVoters(nodes, ready, 3)).toEqual({ kind: "change", voters: ids("abd"), learners: ids("c") });
    expect(planVoters(nodes, facts("abd", { learners: ids("c") }), 3)).toEqual({ kind: "none" });
    expect(planVoters(nodes, facts("abd"), 3)).toEqual({ kind: "none" });
  });

  it("spreads over zones", () => {
    const nodes = [
      node("a", { zone: "x" }),
      node("b", { zone: "x" }),
      node("c", { zone: "y" }),
      node("d", { zone: "z" }),
    ];
    expect(planVoters(nodes, facts("a"), 3)).toEqual({ kind: "change", voters: ids("a"), learners: ids("cd") });
  });

  it("lets no voter go while those that stay could not decide without one that is down", () => {
    const nodes = [node("a", { pinned: "worker" }), node("b", { pinned: "worker" }), node("c", { usable: false })];
    expect(planVoters(nodes, facts("abc"), 3)).toEqual({ kind: "none" });
    const back = nodes.map((candidate) => ({ ...candidate, usable: true }));
    expect(planVoters(back, facts("abc"), 3)).toEqual({ kind: "transfer", to: "c" });
  });

  it("never gives up a majority that works, whoever is down, pinned, or gone", () => {
    const names = "abcdefg".split("");
    const scenario = fc.record({
      nodes: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
      down: fc.subarray(names),
      workers: fc.subarray(names),
      voters: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 5 }),
      learners: fc.subarray(names),
      heard: fc.subarray(names),
    });
    fc.assert(
      fc.property(scenario, ({ nodes, down, workers, voters, learners, heard }) => {
        const works = (name: string): boolean => name === voters[0] || (nodes.includes(name) && !down.includes(name));
        const candidates = nodes.map((name) =>
          node(name, { usable: works(name), pinned: workers.includes(name) ? "worker" : undefined }),
        );
        const caughtUp = new Set(learners.map(nodeId));
        const given = facts(voters.join(""), {
          learners: [...caughtUp].filter((id) => !voters.includes(id)),
          caughtUp,
          heard: heard.map(nodeId),
        });
        const plan = planVoters(candidates, given, 3);
        const isHeard = (name: string): boolean => name === voters[0] || heard.includes(name);
        const decide = (list: readonly string[]): boolean => list.filter(works).length > list.length / 2;
        if (plan.kind !== "change") return;
        if (decide(voters)) expect(plan.voters).toSatisfy(decide);
        const added = plan.voters.filter((id) => !voters.includes(id));
        expect(added.filter((id) => works(id) && !isHeard(id))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("never drops below what could be lost before, and settles", () => {
    const names = "abcdefg".split("");
    const scenario = fc.record({
      nodes: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
      down: fc.subarray(names),
      voters: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 5 }),
      wanted: fc.constantFrom(1, 3, 5, 7),
    });
    fc.assert(
      fc.property(scenario, ({ nodes, down, voters, wanted }) => {
        const candidates = nodes.map((name) => node(name, { usable: !down.includes(name) || name === voters[0] }));
        let current: MembershipFacts = facts(voters.join(""));
        for (let step = 0; step < 10; step += 1) {
          const plan = planVoters(candidates, current, wanted);
          if (plan.kind === "none") return;
          if (plan.kind === "transfer") {
            expect(current.voters).toContain(plan.to);
            current = { ...current, leader: plan.to, heard: ids(names.join("")) };
            continue;
          }
          for (const id of plan.voters) expect(current.voters.includes(id) || current.caughtUp.has(id)).toBe(true);
          const working = (list: readonly NodeId[]): number =>
            list.filter((id) => candidates.some((candidate) => candidate.id === id && candidate.usable)).length;
          const target = voterCount(wanted, candidates.length);
          expect(working(plan.voters)).toBeGreaterThanOrEqual(Math.min(working(current.voters), target));
          current = { ...current, voters: plan.voters, learners: plan.learners, caughtUp: new Set(plan.learners) };
        }
        expect.unreachable("the plan doesn't settle");
      }),
    );
  });
});
