import { ClusterError, ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import { changeOf, membershipOf, type PeerStatus } from "@murmur/raft";
import { describe, expect, it } from "vitest";
import { ClusterStore } from "./testing/cluster-store.ts";
import { VoterKeeper } from "./voter-keeper.ts";

const TICK_MS = 250;

const caughtUp = (id: NodeId, active = true): PeerStatus => ({
  id,
  learner: true,
  sending: "replicate",
  match: 10,
  next: 11,
  active,
  inflightMessages: 0,
  inflightBytes: 0,
});

/** The leader n1 of three nodes, whose log everybody has; raft takes each change at once. */
function setup() {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const scope = new Scope(silentLog, (error) => failures.push(error));
  const cluster = new ClusterStore(["n1", "n2", "n3"]);
  const world = {
    membership: membershipOf([nodeId("n1")]),
    hasKeys: (_id: NodeId): Promise<boolean> => Promise.resolve(true),
    asked: [] as NodeId[],
    /** Those that raft hears from. */
    heard: new Set(["n2", "n3"]),
    heirs: [] as NodeId[],
  };
  const keeper = new VoterKeeper({
    self: nodeId("n1"),
    raft: {
      status: () => ({
        role: "leader",
        membership: world.membership,
        peers: [...world.membership.voters, ...world.membership.learners]
          .filter((id) => id !== nodeId("n1"))
          .map((id) => caughtUp(id, world.heard.has(id))),
        lastIndex: 10,
        pendingMembership: undefined,
      }),
      changeMembership: (change) => {
        const result = changeOf(world.membership, change);
        if (result.kind !== "changed") throw new Error(result.why);
        world.membership = { ...result.membership, votersOutgoing: [] };
        return { kind: "accepted", term: 1, index: 11 };
      },
      transferLeadership: (to) => {
        world.heirs.push(to);
        return { kind: "accepted" };
      },
    },
    view: () => cluster.store.view,
    hasKeys: (id) => {
      world.asked.push(id);
      return world.hasKeys(id);
    },
    pump: () => {},
    submit: (commands) => cluster.submit(commands),
    clock,
    log: silentLog,
  });
  keeper.start(scope);
  const voters = (): readonly string[] => world.membership.voters.toSorted();
  return { clock, scope, world, voters, failures, cluster };
}

describe("the keeper of voters", () => {
  it("lets learners vote that keep the keys of secrets, as soon as they say so", async () => {
    const { clock, voters, world } = setup();
    await clock.advance(TICK_MS);
    expect(voters()).toEqual(["n1"]);
    expect(world.membership.learners.toSorted()).toEqual(["n2", "n3"]);
    await clock.advance(TICK_MS);
    expect(voters()).toEqual(["n1", "n2", "n3"]);
  });

  it("never lets one vote that lacks a key or doesn't say, and goes on asking", async () => {
    const { clock, voters, world, failures } = setup();
    world.hasKeys = (id) =>
      id === nodeId("n2") ? Promise.resolve(false) : Promise.reject(new ClusterError("timeout", "no answer"));
    await clock.advance(60_000);
    expect(voters()).toEqual(["n1"]);
    world.hasKeys = () => Promise.resolve(true);
    await clock.advance(TICK_MS);
    expect(voters()).toEqual(["n1", "n2", "n3"]);
    expect(failures).toEqual([]);
  });

  it("lets none vote that raft doesn't hear from any more, however far its log was", async () => {
    const { clock, voters, world } = setup();
    world.hasKeys = (id) => Promise.resolve(id === nodeId("n2"));
    await clock.advance(2 * TICK_MS);
    world.heard.delete("n2");
    await clock.advance(1_000);
    world.hasKeys = () => Promise.resolve(true);
    await clock.advance(10 * TICK_MS);
    expect(voters()).toEqual(["n1"]);
    world.heard.add("n2");
    await clock.advance(TICK_MS);
    expect(voters()).toEqual(["n1", "n2", "n3"]);
  });

  it("asks each learner once at a time, however long it takes", async () => {
    const { clock, world } = setup();
    world.hasKeys = () => new Promise(() => {});
    await clock.advance(60_000);
    expect(world.asked.toSorted()).toEqual(["n2", "n3"]);
  });

  it("asks one that comes back as a learner anew: it may have forgotten them", async () => {
    const { clock, world, voters } = setup();
    world.hasKeys = (id) => Promise.resolve(id === nodeId("n2"));
    await clock.advance(2 * TICK_MS);
    const { membership } = world;
    world.membership = { ...membership, learners: membership.learners.filter((id) => id !== nodeId("n2")) };
    world.hasKeys = (id) => Promise.resolve(id === nodeId("n3"));
    await clock.advance(60_000);
    expect(voters()).toEqual(["n1"]);
  });

  describe("where the leader is to be no manager any more", () => {
    async function leaving() {
      const { clock, world, voters, cluster } = setup();
      await clock.advance(2 * TICK_MS);
      expect(voters()).toEqual(["n1", "n2", "n3"]);
      const spec = { labels: {}, availability: "active", pinnedRole: "worker" } as const;
      const node = cluster.store.view.node(nodeId("n1"));
      const change = { kind: "updateNode", id: nodeId("n1"), version: node?.version ?? 0, spec, now: 1 } as const;
      return { clock, world, leave: () => cluster.submit([change]) };
    }

    it("hands over to a voter that is heard from, not to one that has died a moment ago", async () => {
      const { clock, world, leave } = await leaving();
      world.heard.delete("n2");
      await clock.advance(1_000);
      await leave();
      await clock.advance(TICK_MS);
      expect(world.heirs).toEqual(["n3"]);
    });

    it("still knows whom it has heard from while raft counts anew", async () => {
      const { clock, world, leave } = await leaving();
      world.heard.clear();
      await leave();
      await clock.advance(TICK_MS);
      expect(world.heirs).toEqual(["n2"]);
    });

    it("leads on for three seconds before it tries again, with the next, when nobody takes over", async () => {
      const { clock, world, leave } = await leaving();
      await leave();
      await clock.advance(3_000);
      expect(world.heirs).toEqual(["n2"]);
      await clock.advance(6_000);
      expect(world.heirs).toEqual(["n2", "n3", "n2"]);
    });
  });
});
