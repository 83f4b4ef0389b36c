import type { ServiceId, Strategy, Task } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { leastMissed } from "./least-missed.ts";
import { schedule } from "./schedule.ts";
import { TestCluster } from "./test-cluster.ts";

function place(cluster: TestCluster, strategy: Strategy = "spread"): void {
  const options = { networks: cluster.view, now: cluster.now, strategy };
  cluster.commit(schedule(cluster.nodes(), cluster.pending(), options));
}

/** The numbers of the nodes that tasks are given up on, in order. */
function order(cluster: TestCluster, service: ServiceId, strategy: Strategy = "spread"): readonly number[] {
  const tasks = cluster.view.tasksOfService(service);
  const given = leastMissed(cluster.nodes(), [tasks], { now: cluster.now, strategy });
  expect(new Set(given)).toEqual(new Set(tasks));
  return given.map(({ nodeId }) => Number(nodeId?.slice(1) ?? 0));
}

describe("what is missed least", () => {
  it("is what has no node, then what is too much of a service on a node", () => {
    const cluster = new TestCluster([{ memoryGib: 16 }]);
    const web = cluster.service(4, { memoryGib: 2 });
    place(cluster);
    cluster.addNode(2, { memoryGib: 16 });
    cluster.task(web, 5);
    place(cluster);
    cluster.task(web, 6);
    expect(order(cluster, web)).toEqual([0, 1, 1, 1, 1, 2]);
  });

  it("evens the load out where the service is even", () => {
    const cluster = new TestCluster([{ memoryGib: 16 }, { memoryGib: 4 }]);
    const web = cluster.service(2, { memoryGib: 1 });
    place(cluster);
    expect(order(cluster, web)).toEqual([2, 1]);
  });

  it("empties with binpack the nodes that are used least", () => {
    const cluster = new TestCluster([{ cpus: 4 }, { cpus: 4 }, { cpus: 4 }]);
    const web = cluster.service(10, { cpus: 1 });
    place(cluster, "binpack");
    const counts = Object.entries(cluster.spread(web));
    const [emptiest] = counts.find(([, count]) => count === 2) ?? [];
    const given = order(cluster, web, "binpack");
    expect(given.slice(0, 2)).toEqual([Number(emptiest), Number(emptiest)]);
    expect(new Set(given.slice(2, 6)).size).toBe(1);
  });

  it("takes from the value of a spread preference that has most", () => {
    const zones = ["a", "a", "b"].map((zone) => ({ labels: { zone } }));
    const cluster = new TestCluster(zones);
    const web = cluster.service(4, { placement: { preferences: [{ spread: "node.labels.zone" }] } });
    place(cluster);
    expect(cluster.spread(web)).toEqual({ 1: 1, 2: 1, 3: 2 });
    cluster.task(web, 5);
    cluster.task(web, 6);
    cluster.updateNode(3, { availability: "drain", labels: { zone: "b" } });
    place(cluster);
    expect(cluster.spread(web)).toEqual({ 1: 2, 2: 2, 3: 2 });
    const given = order(cluster, web);
    expect(given.slice(0, 2).every((number) => number < 3)).toBe(true);
    expect(given.slice(2, 4).includes(3)).toBe(true);
  });

  it("keeps to the groups, gives up the newest of a node, and leaves the node set as it was", () => {
    const cluster = new TestCluster([{}, {}]);
    const web = cluster.service(6);
    place(cluster);
    const tasks = cluster.view.tasksOfService(web);
    const nodes = cluster.nodes();
    const before = [...nodes.loads()].map((load) => load.summary());
    const groups = [tasks.slice(0, 2), tasks.slice(2)];
    const given = leastMissed(nodes, groups, { now: cluster.now });
    expect([...nodes.loads()].map((load) => load.summary())).toEqual(before);
    expect(new Set(given.slice(0, 2))).toEqual(new Set(tasks.slice(0, 2)));
    const ofOne = (all: readonly Task[]): readonly string[] =>
      all.filter(({ nodeId }) => nodeId === cluster.node(1)).map(({ id }) => id);
    expect(ofOne(given.slice(2))).toEqual(ofOne(tasks.slice(2)).toReversed());
  });

  it("is what undoing a placement gives: the node that got the last task loses the first", () => {
    for (const strategy of ["spread", "binpack"] as const) {
      const cluster = new TestCluster([{ cpus: 8 }, { cpus: 4 }, { cpus: 6, generic: { gpu: 2 } }]);
      const web = cluster.service(1, { cpus: 1 });
      for (let slot = 2; slot <= 7; slot += 1) {
        place(cluster, strategy);
        cluster.task(web, slot);
      }
      const before = cluster.spread(web);
      place(cluster, strategy);
      const [first] = order(cluster, web, strategy);
      const after = { ...cluster.spread(web) };
      if (first !== undefined) after[first] = (after[first] ?? 0) - 1;
      if (first !== undefined && after[first] === 0) delete after[first];
      expect(after).toEqual(before);
    }
  });
});
