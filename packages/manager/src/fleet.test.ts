import * as fc from "fast-check";
import { assert, nodeId } from "@murmur/base";
import { serviceId, taskId } from "@murmur/model";
import { NodeSet, PendingTasks } from "@murmur/scheduler";
import { describe, expect, it } from "vitest";
import { Fleet } from "./fleet.ts";
import { ClusterStore } from "./testing/cluster-store.ts";

const NODES = ["n1", "n2", "n3"];

/** A cluster that tasks come to and go from at random. */
class Busy extends ClusterStore {
  #tasks = 0;

  constructor() {
    super(NODES);
    for (const name of ["a", "b", "c"]) this.createService(name, 0);
    for (let count = 0; count < 30; count += 1) this.act(count, 0);
  }

  /** What `roll` says, to the task that `which` picks. */
  act(which: number, roll: number): void {
    const { view } = this.store;
    const all = [...view.tasks()];
    const task = all[which % Math.max(1, all.length)];
    const { now } = this;
    if (roll === 0 || task === undefined) return this.#create(which);
    const node = nodeId(NODES[which % NODES.length] ?? "");
    const on = task.nodeId ?? node;
    if (roll === 1) this.apply({ kind: "assignTask", id: task.id, nodeId: node, now });
    if (roll === 2) this.report(on, task.id, "running");
    if (roll === 3) this.report(on, task.id, "failed");
    if (roll === 4) this.apply({ kind: "setDesiredState", id: task.id, desired: "remove", now });
    if (roll === 5) this.apply({ kind: "removeTask", id: task.id, now });
    if (roll === 6) this.apply({ kind: "removeNode", id: node, force: true, now });
  }

  #create(which: number): void {
    const owner = serviceId(["a", "b", "c"][which % 3] ?? "a");
    const specVersion = this.store.view.service(owner)?.specVersion ?? 0;
    this.#tasks += 1;
    const task = {
      id: taskId(`task${String(this.#tasks)}`),
      serviceId: owner,
      serviceName: owner,
      slot: this.#tasks,
      specVersion,
      serviceLabels: {},
      endpointPorts: [],
      networks: [],
      desiredState: "running",
      status: { state: "pending", at: this.now, message: "" },
    } as const;
    this.apply({ kind: "createTask", task, now: this.now });
  }
}

/** Everything about a set of nodes, in an order that doesn't depend on how it came to be. */
const summaryOf = (nodes: NodeSet): unknown =>
  [...nodes.loads()].map((load) => load.summary()).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
const idsOf = (pending: PendingTasks): readonly string[] =>
  pending
    .list()
    .map(({ id }) => id)
    .toSorted();

describe("a fleet", () => {
  it("equals what is read at once, whatever happens while it is read", () => {
    const step = fc.record({ read: fc.nat(7), which: fc.nat(60), roll: fc.nat(6) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cluster = new Busy();
        const { view } = cluster.store;
        const watch = cluster.store.watch({ limit: 1_000 });
        const fleet = new Fleet(view);
        const follow = (): void => {
          const events = watch.drain();
          assert(events.kind === "changes", "the feed is long enough");
          for (const { changes } of events.batches) for (const change of changes) fleet.apply(change);
        };
        for (const { read, which, roll } of steps) {
          cluster.act(which, roll);
          follow();
          fleet.read(read);
        }
        while (!fleet.complete) fleet.read(5);
        expect(summaryOf(fleet.nodes)).toEqual(summaryOf(NodeSet.of(view)));
        expect(idsOf(fleet.pending)).toEqual(idsOf(PendingTasks.of(view)));
      }),
      { numRuns: 200 },
    );
  });

  it("reads no more at once than it is told", () => {
    const fleet = new Fleet(new Busy().store.view);
    let turns = 0;
    for (; !fleet.complete; turns += 1) fleet.read(4);
    expect(turns).toBeGreaterThanOrEqual(7);
  });
});
