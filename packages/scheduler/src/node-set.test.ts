import { assert, type Millis, type NodeId } from "@murmur/base";
import type { Strategy } from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision } from "./decision.ts";
import { FILTERS } from "./filter.ts";
import { NodeSet } from "./node-set.ts";
import { PendingTasks } from "./pending-tasks.ts";
import { requirementOf, type Requirement } from "./requirement.ts";
import { schedule } from "./schedule.ts";
import { ORDERS, Score } from "./score.ts";
import { TestCluster } from "./test-cluster.ts";

const NODES = 3;

/** Numbers pick a node or a task, modulo how many there are. */
const event = fc.oneof(
  fc.record({
    kind: fc.constant("service" as const),
    tasks: fc.nat(4),
    cpus: fc.constantFrom(0, 0.5, 1.5),
    memoryGib: fc.constantFrom(0, 0.25, 3),
    gpus: fc.constantFrom(0, 0, 1, 2),
    port: fc.constantFrom(0, 80, 81),
    most: fc.constantFrom(0, 1, 3),
    zone: fc.constantFrom("", "node.labels.zone"),
  }),
  fc.record({ kind: fc.constant("global" as const), node: fc.integer({ min: 1, max: NODES }) }),
  fc.record({ kind: fc.constant("more" as const), task: fc.nat(1_000) }),
  fc.record({ kind: fc.constant("place" as const), binpack: fc.boolean() }),
  fc.record({
    kind: fc.constant("report" as const),
    task: fc.nat(1_000),
    state: fc.constantFrom("running", "failed", "rejected", "shutdown", "complete"),
  }),
  fc.record({
    kind: fc.constant("want" as const),
    task: fc.nat(1_000),
    desired: fc.constantFrom("shutdown", "remove"),
  }),
  fc.record({ kind: fc.constant("remove" as const), task: fc.nat(1_000) }),
  fc.record({
    kind: fc.constant("node" as const),
    node: fc.integer({ min: 1, max: NODES }),
    to: fc.constantFrom("down", "ready", "smaller", "drain", "active", "gone"),
  }),
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

function happen(cluster: TestCluster, nodes: NodeSet, what: Event): void {
  const tasks = [...cluster.view.tasks()];
  const pick = (number: number): (typeof tasks)[number] | undefined => tasks[number % Math.max(1, tasks.length)];
  switch (what.kind) {
    case "service": {
      const ports = [{ protocol: "tcp", targetPort: 80, publishedPort: what.port, mode: "host" } as const];
      cluster.service(what.tasks, {
        cpus: what.cpus,
        memoryGib: what.memoryGib,
        ...(what.gpus > 0 && { generic: { gpu: what.gpus } }),
        ports: what.port === 0 ? [] : ports,
        placement: {
          maxReplicasPerNode: what.most,
          preferences: what.zone === "" ? [] : [{ spread: what.zone }],
        },
      });
      return;
    }
    case "global": {
      // Without reservations: the store takes a task that waits for its own node for one that has room there already.
      const id = cluster.service(0, { global: true });
      if (cluster.view.node(cluster.node(what.node)) !== undefined) cluster.task(id, cluster.node(what.node));
      return;
    }
    case "more": {
      const task = pick(what.task);
      if (task === undefined || task.slot === 0) return;
      const slots = cluster.view.tasksOfService(task.serviceId).map(({ slot }) => slot);
      cluster.task(task.serviceId, Math.max(...slots) + 1);
      return;
    }
    case "place": {
      const strategy = what.binpack ? "binpack" : "spread";
      const options = { networks: cluster.view, now: cluster.now, strategy } as const;
      const decisions = schedule(nodes, cluster.pending(), options);
      // What a set knows from before makes no difference.
      expect(decisions).toEqual(schedule(NodeSet.of(cluster.view), cluster.pending(), options));
      checkChoices(nodes, cluster, { decisions, strategy });
      expect(decisions.map(({ taskId }) => taskId).toSorted()).toEqual(
        cluster
          .pending()
          .map(({ id }) => id)
          .toSorted(),
      );
      cluster.commit(decisions);
      return;
    }
    case "report": {
      const task = pick(what.task);
      const isThere = task?.nodeId !== undefined && cluster.view.node(task.nodeId) !== undefined;
      if (task !== undefined && isThere && task.status.state !== "pending") cluster.report(task.id, what.state);
      return;
    }
    case "want": {
      const task = pick(what.task);
      if (task !== undefined && task.desiredState !== "remove") cluster.want(task.id, what.desired);
      return;
    }
    case "remove": {
      const task = pick(what.task);
      if (task !== undefined) cluster.tryApply({ kind: "removeTask", id: task.id });
      return;
    }
    case "node":
      changeNode(cluster, what.node, what.to);
  }
}

function changeNode(cluster: TestCluster, number: number, to: Extract<Event, { kind: "node" }>["to"]): void {
  const id = cluster.node(number);
  if (cluster.view.node(id) === undefined) {
    cluster.addNode(number, { labels: { zone: "a" } });
    return;
  }
  if (to === "gone") cluster.apply({ kind: "removeNode", id, force: true });
  else if (to === "smaller") cluster.describe(number, { cpus: 1, memoryGib: 1 });
  else if (to === "drain" || to === "active") cluster.updateNode(number, { availability: to });
  else cluster.apply({ kind: "setNodeState", id, state: to, message: "" });
}

const summary = (nodes: NodeSet): readonly object[] =>
  [...nodes.loads()].sort((a, b) => (a.id < b.id ? -1 : 1)).map((load) => load.summary());

describe("a node set that follows the changes", () => {
  it("equals one that is built anew; no node is ever given more than it has", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40, size: "max" }), (events) => {
        const cluster = new TestCluster(
          Array.from({ length: NODES }, (_, node) => ({
            labels: { zone: `${node % 2}` },
            ...(node > 0 && { generic: { gpu: node === 1 ? 3 : ["a", "b"] } }),
          })),
        );
        const watch = cluster.store.watch({ limit: 10_000 });
        const nodes = cluster.nodes();
        const pending = PendingTasks.of(cluster.view);
        for (const what of events) {
          happen(cluster, nodes, what);
          const feed = watch.drain();
          assert(feed.kind === "changes", "the feed is long enough");
          for (const { changes } of feed.batches) {
            for (const change of changes) {
              nodes.apply(change);
              pending.apply(change);
            }
          }
          expect(summary(nodes)).toEqual(summary(NodeSet.of(cluster.view)));
          expect(new Set(pending.list())).toEqual(new Set(cluster.pending()));
          if (what.kind === "place") checkRoom(cluster, nodes);
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

/** Each task is on the node on which one would put it who looks at every node for every task. */
function checkChoices(
  nodes: NodeSet,
  cluster: TestCluster,
  { decisions, strategy }: { decisions: readonly Decision[]; strategy: Strategy },
): void {
  const placed: (() => void)[] = [];
  for (const { taskId, nodeId } of decisions) {
    const task = cluster.view.task(taskId);
    assert(task !== undefined, "decisions are about tasks");
    const requirement = requirementOf(task, nodes, strategy);
    if (task.nodeId === undefined && task.spec.placement.preferences.length === 0)
      expect(nodeId).toBe(bestOf(nodes, requirement, cluster.now));
    const load = nodeId && nodes.load(nodeId);
    if (!load) continue;
    nodes.place(load, requirement);
    placed.push(() => nodes.unplace(load, requirement));
  }
  for (const undo of placed) undo();
}

function bestOf(nodes: NodeSet, requirement: Requirement, now: Millis): NodeId | undefined {
  const fitting = [...nodes.loads()].filter((load) =>
    FILTERS.every((filter) => !filter.applies(requirement) || filter.admits(requirement, load)),
  );
  const isBefore = ORDERS[requirement.strategy];
  const [best] = fitting
    .map((load) => Score.ofService(load, requirement, now))
    .sort((a, b) => (isBefore(a, b) ? -1 : 1));
  return best?.load.id;
}

/** Every placement was accepted by the store, which checks room; here: host ports and the most replicas per node. */
function checkRoom(cluster: TestCluster, nodes: NodeSet): void {
  for (const load of nodes.loads()) {
    const held = cluster.view.tasksOfNode(load.id).filter((task) => task.status.state === "assigned");
    const ports = held.flatMap((task) => task.endpointPorts.map(({ publishedPort }) => publishedPort));
    expect(new Set(ports).size).toBe(ports.length);
    for (const task of held) {
      const most = task.spec.placement.maxReplicasPerNode;
      const mates = held.filter(
        ({ serviceId, desiredState }) => serviceId === task.serviceId && desiredState === "running",
      );
      if (most > 0) expect(mates.length).toBeLessThanOrEqual(most);
    }
  }
}
