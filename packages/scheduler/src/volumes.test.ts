import type { Strategy, TaskId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { leastMissed } from "./least-missed.ts";
import { schedule } from "./schedule.ts";
import { TestCluster, type ServiceFacts } from "./test-cluster.ts";

const mounting = (...names: string[]): ServiceFacts => ({
  container: {
    mounts: names.map((source, at) => ({ kind: "volume", source, target: `/v${String(at)}`, readOnly: false })),
  },
});

const hold = (cluster: TestCluster, number: number, volumes: readonly string[]): void =>
  cluster.apply({ kind: "describeNode", id: cluster.node(number), volumes });

function place(cluster: TestCluster, strategy: Strategy = "spread"): void {
  cluster.commit(schedule(cluster.nodes(), cluster.pending(), { networks: cluster.view, now: cluster.now, strategy }));
}

/** The task ends, and another one takes its slot. */
function replace(cluster: TestCluster, id: TaskId): TaskId {
  const task = cluster.view.task(id);
  if (task === undefined) throw new Error("the task exists");
  cluster.now += 1_000;
  cluster.want(id, "shutdown");
  cluster.report(id, "shutdown");
  return cluster.task(task.serviceId, task.slot);
}

const down = (cluster: TestCluster, number: number): void =>
  cluster.apply({ kind: "setNodeState", id: cluster.node(number), state: "down", message: "no answer" });

describe("volumes on the nodes", () => {
  it.each<Strategy>(["spread", "binpack"])("come before all else that %s looks at", (strategy) => {
    const cluster = new TestCluster([{}, { cpus: 1 }, {}, {}]);
    hold(cluster, 2, ["data"]);
    const service = cluster.service(1, mounting("data"));
    place(cluster, strategy);
    expect(cluster.spread(service)).toEqual({ 2: 1 });
  });

  it("draw one task of a service each: several replicas are spread as ever, each back to where it was", () => {
    const cluster = new TestCluster([{}, {}, {}, {}]);
    for (const number of [1, 2]) hold(cluster, number, ["data"]);
    const service = cluster.service(2, mounting("data"));
    place(cluster);
    expect(cluster.spread(service)).toEqual({ 1: 1, 2: 1 });
    for (const slot of [3, 4]) cluster.task(service, slot);
    place(cluster);
    expect(cluster.spread(service)).toEqual({ 1: 1, 2: 1, 3: 1, 4: 1 });
    for (const number of [3, 4]) hold(cluster, number, ["data"]);
    const before = new Map(cluster.view.tasksOfService(service).map(({ slot, nodeId }) => [slot, nodeId]));
    for (const { id } of cluster.view.tasksOfService(service)) replace(cluster, id);
    place(cluster);
    for (const { slot, nodeId } of cluster.view.tasksOfService(service)) expect(nodeId).toBe(before.get(slot));
  });

  it("draw one task of a service each, also where it is spread over what the user says", () => {
    const cluster = new TestCluster([{ labels: { dc: "a" } }, { labels: { dc: "a" } }, { labels: { dc: "b" } }]);
    hold(cluster, 1, ["data"]);
    const preferences = [{ spread: "node.labels.dc" }];
    const placement = { preferences, maxReplicasPerNode: 0 };
    const service = cluster.service(4, { ...mounting("data"), placement });
    place(cluster);
    expect(cluster.spread(service)).toEqual({ 1: 1, 2: 1, 3: 2 });
  });

  it("count: two are better than one, and one than none", () => {
    const cluster = new TestCluster([{}, {}, {}]);
    hold(cluster, 1, ["a"]);
    hold(cluster, 3, ["a", "b"]);
    const service = cluster.service(1, mounting("b", "a"));
    place(cluster);
    expect(cluster.spread(service)).toEqual({ 3: 1 });
  });

  it("don't matter to services that don't mount them, nor to those whose data is elsewhere", () => {
    const cluster = new TestCluster([{}, {}]);
    hold(cluster, 2, ["data"]);
    const [other, anonymous] = [cluster.service(2), cluster.service(2, mounting(""))];
    const remote = cluster.service(2, {
      container: {
        mounts: [
          {
            kind: "volume",
            source: "data",
            target: "/d",
            readOnly: false,
            volumeDriver: { name: "local", options: { type: "nfs4", device: ":/x" } },
          },
        ],
      },
    });
    place(cluster);
    for (const service of [other, anonymous, remote]) expect(cluster.spread(service)).toEqual({ 1: 1, 2: 1 });
  });

  it("come before what the user spreads over; the tasks there are counted nevertheless", () => {
    const cluster = new TestCluster([{ labels: { dc: "a" } }, { labels: { dc: "a" } }, { labels: { dc: "b" } }]);
    hold(cluster, 1, ["data"]);
    const facts = mounting("data");
    const preferences = [{ spread: "node.labels.dc" }];
    const service = cluster.service(2, { ...facts, placement: { preferences, maxReplicasPerNode: 1 } });
    place(cluster);
    expect(cluster.spread(service)).toEqual({ 1: 1, 3: 1 });
  });

  it("have a name of their own for each slot where the template says so", () => {
    const cluster = new TestCluster([{}, {}, {}, {}]);
    hold(cluster, 4, ["data-1"]);
    hold(cluster, 3, ["data-2"]);
    const service = cluster.service(2, mounting("data-{{.Task.Slot}}"));
    place(cluster);
    const where = cluster.view.tasksOfService(service).map(({ slot, nodeId }) => [slot, nodeId]);
    expect(where).toEqual([
      [1, cluster.node(4)],
      [2, cluster.node(3)],
    ]);
  });

  it("are left behind when the node is lost, and the task says where; back again, the newest data wins", () => {
    const cluster = new TestCluster([{}, {}]);
    hold(cluster, 1, ["data"]);
    const service = cluster.service(1, mounting("data"));
    place(cluster);
    expect(cluster.spread(service)).toEqual({ 1: 1 });
    const [first] = cluster.view.tasksOfService(service);
    down(cluster, 1);
    const second = replace(cluster, first?.id ?? ("" as TaskId));
    place(cluster);
    expect(cluster.view.task(second)).toMatchObject({
      nodeId: cluster.node(2),
      leftVolumes: [{ name: "data", nodeId: cluster.node(1), hostname: "host1" }],
    });
    hold(cluster, 2, ["data"]);
    cluster.apply({ kind: "setNodeState", id: cluster.node(1), state: "ready", message: "" });
    const third = replace(cluster, second);
    place(cluster);
    expect(cluster.view.task(third)?.nodeId).toBe(cluster.node(2));
    expect(cluster.view.task(third)?.leftVolumes).toBeUndefined();
  });

  it("keep their task also where it has failed often", () => {
    const cluster = new TestCluster([{}, {}]);
    hold(cluster, 1, ["data"]);
    const service = cluster.service(1, mounting("data"));
    for (let round = 0; round < 8; round += 1) {
      place(cluster);
      const task = cluster.view.tasksOfService(service).at(-1);
      expect(task?.nodeId).toBe(cluster.node(1));
      if (task === undefined) return;
      cluster.report(task.id, "failed");
      cluster.now += 1_000;
      cluster.want(task.id, "shutdown");
      cluster.task(service, 1);
    }
  });

  it("make a task be missed more: those without theirs are given up first", () => {
    const cluster = new TestCluster([{}, {}, {}]);
    const service = cluster.service(3, mounting("data"));
    place(cluster);
    hold(cluster, 2, ["data"]);
    const order = leastMissed(cluster.nodes(), [cluster.view.tasksOfService(service)], { now: cluster.now });
    expect(order.at(-1)?.nodeId).toBe(cluster.node(2));
  });

  it("are followed by the set of nodes as they come and go", () => {
    const cluster = new TestCluster([{}, {}]);
    const nodes = cluster.nodes();
    const watch = cluster.store.watch({ limit: 100 });
    hold(cluster, 1, ["a", "b"]);
    hold(cluster, 2, ["b"]);
    hold(cluster, 1, ["a"]);
    const events = watch.drain();
    if (events.kind === "resync") throw new Error("nothing was lost");
    for (const { changes } of events.batches) for (const change of changes) nodes.apply(change);
    const holders = (name: string): readonly string[] => [...nodes.holdersOf(name)].map(({ id }) => id);
    expect(holders("a")).toEqual([cluster.node(1)]);
    expect(holders("b")).toEqual([cluster.node(2)]);
    cluster.apply({ kind: "describeNode", id: cluster.node(1), volumes: [] });
    expect(cluster.view.node(cluster.node(1))?.volumes).toBeUndefined();
  });
});
