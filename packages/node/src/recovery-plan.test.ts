import { nodeId, type NodeId } from "@murmur/base";
import type { ManagerStatus } from "@murmur/manager";
import { clusterId, DEFAULT_CLUSTER_SPEC, networkId } from "@murmur/model";
import { createStore } from "@murmur/store";
import { describe, expect, it } from "vitest";
import { planRecovery, type RecoveryFacts, type Standing } from "./recovery-plan.ts";

const NOW = Date.parse("2026-11-21T03:00:00Z");
const ids = ["n1", "n2", "n3", "n4", "n5"].map(nodeId);
const [SELF = nodeId("n1")] = ids;

function view() {
  const store = createStore();
  const secrets = { caKeyPem: "key", joinSecret: "secret", gossipKeys: ["k1"] };
  const cluster = { id: clusterId("c1"), spec: DEFAULT_CLUSTER_SPEC, caPem: "ca", secrets };
  store.apply(1, { kind: "createCluster", cluster, defaultNetworkId: networkId("net0"), now: NOW - 1_000 });
  for (const [at, id] of ids.entries()) {
    const more = { address: `10.0.0.${String(at + 1)}:7373`, hostname: `host-${id}`, keyDigest: id } as const;
    store.apply(2, { kind: "createNode", id, ...more, labels: {}, availability: "active", now: NOW });
  }
  return store.view;
}

function facts(
  answers: Readonly<Record<string, Partial<Standing>>>,
  status: Partial<ManagerStatus> = {},
): RecoveryFacts {
  const membership = { voters: ids, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
  const own = { role: "follower", term: 5, leader: undefined, membership, commit: 90, applied: 90 } as const;
  const log = { lastIndex: 100, lastTerm: 4, recovering: false, sessions: 0, waiting: 0, peers: [] };
  const standing = (partial: Partial<Standing>): Standing => ({
    lastTerm: 4,
    lastIndex: 100,
    mayVote: true,
    ...partial,
  });
  return {
    self: SELF,
    view: view(),
    status: { ...own, ...log, ...status },
    answers: new Map(
      Object.entries(answers).map(([id, partial]): [NodeId, Standing] => [nodeId(id), standing(partial)]),
    ),
    deadSince: (id) => (id === "n5" ? NOW : undefined),
  };
}

describe("the plan of a recovery", () => {
  it("is advised without a majority, and says what is kept and what may be lost", () => {
    const plan = planRecovery(facts({ n2: { lastIndex: 99 } }));
    expect(plan).toMatchObject({
      advised: true,
      cluster: { id: "c1", name: "default" },
      node: { id: "n1", hostname: "host-n1", address: "10.0.0.1:7373" },
      log: { term: 5, lastIndex: 100, committed: 90, uncommitted: 10, lastChangeAt: "2026-11-21T03:00:00.000Z" },
      keeps: { nodes: 5, services: 0, tasks: 0, running: 0 },
    });
    expect(plan.managers.map(({ state, log }) => [state, log?.index])).toEqual([
      ["this node", 100],
      ["reachable", 99],
      ["unreachable", undefined],
      ["unreachable", undefined],
      ["unreachable", undefined],
    ]);
    expect(plan.managers.at(-1)?.deadSince).toBe("2026-11-21T03:00:00.000Z");
    expect(plan.mayLose).toEqual([
      "changes that host-n3, host-n4, host-n5 had acknowledged and that never reached this node: those after entry 100, if there were any",
    ]);
  });

  it("is not advised while there is a leader, or a majority that can elect one", () => {
    expect(planRecovery(facts({}, { leader: nodeId("n2") })).verdict).toContain("has a leader (host-n2)");
    const majority = planRecovery(facts({ n2: {}, n3: {} }));
    expect([majority.advised, majority.verdict]).toEqual([false, expect.stringContaining("(3 of 5)")]);
    // One that may not vote helps nobody to be elected.
    expect(planRecovery(facts({ n2: {}, n3: { mayVote: false } })).advised).toBe(true);
    expect(planRecovery(facts({ n2: {}, n3: {} }, { recovering: true })).advised).toBe(true);
  });

  it("counts both halves of a membership that is changing", () => {
    const joint = { voters: [SELF], votersOutgoing: ids, learners: [], learnersNext: [], autoLeave: true };
    expect(planRecovery(facts({}, { membership: joint })).advised).toBe(true);
    expect(planRecovery(facts({ n2: {}, n3: {} }, { membership: joint })).advised).toBe(false);
  });

  it("names the reachable manager that knows more: a later term first, then a longer log", () => {
    const longer = planRecovery(facts({ n2: { lastIndex: 101 } }));
    expect([longer.advised, longer.verdict]).toEqual([
      false,
      "host-n2 (10.0.0.2:7373) knows more than this node, up to 101 instead of 100: run `murmur cluster recover` there",
    ]);
    expect(planRecovery(facts({ n2: { lastTerm: 5, lastIndex: 50 } })).verdict).toContain("host-n2");
    expect(planRecovery(facts({ n2: { lastTerm: 3, lastIndex: 500 } })).advised).toBe(true);
  });

  it("says that a damaged disk has lost something", () => {
    const plan = planRecovery(facts({}, { recovering: true }));
    expect([plan.advised, plan.verdict]).toEqual([true, expect.stringContaining("this node's log is damaged")]);
    expect(plan.mayLose.at(-1)).toContain("damaged disk");
  });
});
