import { nodeId } from "@murmur/base";
import type { MemberState } from "@murmur/gossip";
import { describe, expect, it } from "vitest";
import { GossipChecks, unmetGossip, type GossipHost } from "./gossip-checks.ts";
import { Judge } from "./violation.ts";

const [one, other] = [nodeId("one"), nodeId("other")];

/** A host that believes this of another one, and can be made to believe something else. */
function believer(state: MemberState, incarnation: number) {
  const belief = { id: other, state, incarnation };
  const gossip = { members: () => [{ ...belief }] };
  const host: GossipHost = { name: "host1", member: { identity: { nodeId: one }, gossip } };
  return { host, belief };
}

/** Long enough to be looked at. */
function lookAt(checks: GossipChecks, host: GossipHost): void {
  for (let step = 0; step < 8; step += 1) checks.stepped(host);
}

const checks = (): GossipChecks => new GossipChecks(new Judge(() => 1_000));

describe("what a node believes of another", () => {
  it.each<[MemberState, number]>([
    ["suspect", 3],
    ["dead", 3],
    ["alive", 4],
    ["left", 7],
  ])("may become %s in incarnation %i after alive in 3", (state, incarnation) => {
    const { host, belief } = believer("alive", 3);
    const looked = checks();
    lookAt(looked, host);
    Object.assign(belief, { state, incarnation });
    expect(() => lookAt(looked, host)).not.toThrow();
  });

  it("never is of an older incarnation", () => {
    const { host, belief } = believer("dead", 3);
    const looked = checks();
    lookAt(looked, host);
    Object.assign(belief, { state: "left", incarnation: 2 });
    expect(() => lookAt(looked, host)).toThrow(/^a member's incarnation never goes back: host1 at 1\.0000 s/);
  });

  it("never is an earlier state of the same incarnation", () => {
    const { host, belief } = believer("dead", 3);
    const looked = checks();
    lookAt(looked, host);
    belief.state = "alive";
    expect(() => lookAt(looked, host)).toThrow(/^only a new incarnation refutes what is said of a member/);
  });

  it("begins anew with a new process", () => {
    const looked = checks();
    lookAt(looked, believer("dead", 3).host);
    expect(() => lookAt(looked, believer("alive", 0).host)).not.toThrow();
  });
});

describe("a cluster that is whole", () => {
  const otherHost: GossipHost = {
    name: "host2",
    member: { identity: { nodeId: other }, gossip: { members: () => [] } },
  };

  it("has nobody who takes another for anything but alive", () => {
    expect(unmetGossip([believer("alive", 1).host, otherHost])).toEqual([]);
    expect(unmetGossip([believer("dead", 1).host, otherHost])).toEqual(["host1 takes other for dead in incarnation 1"]);
  });

  it("may remember those that are gone", () => {
    expect(unmetGossip([believer("dead", 1).host])).toEqual([]);
  });
});
