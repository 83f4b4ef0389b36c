import type { Manager } from "@murmur/manager";
import type { Task } from "@murmur/model";
import { slotOf, type Change, type ChangeBatch, type View, type Watch, type WatchEvents } from "@murmur/store";
import type { NodeId } from "@murmur/base";
import type { Observer } from "../world/observer.ts";
import { ContainerChecks, type EngineHost } from "./container-checks.ts";
import { Holders } from "./holders.ts";
import { LeavingPairs } from "./leaving-pairs.ts";
import { PayloadChecks, type PayloadHost } from "./payload-checks.ts";
import { checkAssignment, checkCapacity, checkSlot, checkTaskChange, isNewlyAssigned } from "./task-checks.ts";
import { TaskTruth } from "./task-truth.ts";
import { VersionBook } from "./version-book.ts";
import type { Judge } from "./violation.ts";

type Replica = Pick<Manager, "view" | "watch" | "digest">;

/** What these checks look at on a host. */
export interface ClusterHost extends EngineHost, PayloadHost {
  readonly engine: EngineHost["engine"] & PayloadHost["engine"];
  readonly member:
    (NonNullable<PayloadHost["member"]> & { readonly host: { manager(): Replica | undefined } }) | undefined;
}

interface Followed {
  readonly watch: Watch;
  holders: Holders;
  version: number;
}

/** Changes that a replica may make between two looks at it, after which all of it is looked at anew. */
const CHANGES_MAX = 100_000;

/** What must hold of the cluster's state on every replica, and of the containers: after each step, by what changed in it. */
export class ClusterChecks implements Observer {
  readonly #judge: Judge;
  readonly #followed = new WeakMap<Replica, Followed>();
  readonly #replicas = new Map<ClusterHost, Replica>();
  readonly #versions: VersionBook;
  readonly #truth = new TaskTruth();
  readonly #containers: ContainerChecks;
  readonly #payloads: PayloadChecks;
  readonly #pairs = new LeavingPairs();

  constructor(judge: Judge) {
    this.#judge = judge;
    this.#versions = new VersionBook(judge);
    this.#containers = new ContainerChecks(judge, this.#truth);
    this.#payloads = new PayloadChecks(judge);
  }

  stepped(host: ClusterHost): void {
    const replica = host.member?.host.manager();
    if (replica === undefined) this.#replicas.delete(host);
    else this.#follow(host, replica);
    this.#containers.look(host);
    this.#payloads.look(host);
    this.#containers.settle();
  }

  signalled(host: ClusterHost, containerId: string): void {
    this.#containers.signalled(host, containerId);
  }

  ended(host: ClusterHost): void {
    this.#replicas.delete(host);
  }

  wiped(host: ClusterHost): void {
    this.#containers.leaves(host);
  }

  /** At the end: all replicas that are at the same version show the same. */
  final(): void {
    for (const [host, replica] of this.#replicas)
      this.#versions.whole(host, replica.view.version, () => replica.digest());
  }

  #follow(host: ClusterHost, replica: Replica): void {
    if (this.#replicas.get(host) !== replica) this.#replicas.set(host, replica);
    const followed = this.#followed.get(replica);
    if (followed === undefined) {
      const watch = replica.watch({ limit: CHANGES_MAX });
      this.#followed.set(replica, { watch, holders: this.#seed(host, replica.view), version: replica.view.version });
      return;
    }
    const { version } = replica.view;
    if (version < followed.version) {
      const fact = `it shows version ${String(version)}`;
      this.#judge.refuse("a replica never goes back", host, fact, `it has shown version ${String(followed.version)}`);
    }
    const events = followed.watch.drain();
    if (events.kind === "resync" || events.batches.length > 0) this.#takeAll(host, { replica, followed, events });
  }

  #takeAll(
    host: ClusterHost,
    {
      replica,
      followed,
      events,
    }: { readonly replica: Replica; readonly followed: Followed; readonly events: WatchEvents },
  ): void {
    const { view } = replica;
    if (events.kind === "resync") followed.holders = this.#seed(host, view);
    else {
      const { holders } = followed;
      const all = events.batches.flatMap(({ changes }) => changes);
      const stirred = events.batches.flatMap((batch) => this.#take(host, view, { batch, holders, all }));
      // All that was made is known by now; the view shows it as well.
      for (const task of stirred) this.#checkSlotOf(host, view, task);
    }
    followed.version = view.version;
    this.#versions.stands(host, view.version, () => replica.digest());
  }

  /** Looks at a whole replica. */
  #seed(host: ClusterHost, view: View): Holders {
    const holders = new Holders(this.#judge, host, view);
    this.#truth.seed(view);
    for (const task of view.tasks()) {
      this.#payloads.task(task);
      this.#madeTask(view, task, { holders, later: [] });
    }
    for (const task of view.tasks()) this.#checkSlotOf(host, view, task);
    for (const node of view.nodes()) checkCapacity(this.#judge, host, view, node);
    return holders;
  }

  /** The tasks that are wanted otherwise than before. */
  #take(
    host: ClusterHost,
    view: View,
    {
      batch,
      holders,
      all,
    }: { readonly batch: ChangeBatch; readonly holders: Holders; readonly all: readonly Change[] },
  ): readonly Task[] {
    this.#versions.changed(host, batch);
    this.#truth.take(batch);
    const filled = new Set<NodeId>();
    const stirred: Task[] = [];
    for (const change of batch.changes) {
      if (change.table === "nodes") holders.node(change.previous, change.current);
      else if (change.table === "services") holders.service(change.previous, change.current);
      else if (change.table === "networks") holders.network(change.previous, change.current);
      else if (change.table === "tasks") this.#takeTask(host, view, { change, holders, filled, stirred, all });
    }
    for (const id of filled) {
      const node = view.node(id);
      if (node !== undefined) checkCapacity(this.#judge, host, view, node);
    }
    return stirred;
  }

  #takeTask(
    host: ClusterHost,
    view: View,
    {
      change,
      holders,
      filled,
      stirred,
      all,
    }: {
      readonly change: Extract<Change, { table: "tasks" }>;
      readonly holders: Holders;
      readonly filled: Set<NodeId>;
      readonly stirred: Task[];
      /** All that is looked at together: the view shows all of them already. */
      readonly all: readonly Change[];
    },
  ): void {
    const { previous, current } = change;
    holders.task(previous, current);
    if (current === undefined) return;
    if (previous === undefined) this.#madeTask(view, current, { holders, later: all.slice(all.indexOf(change) + 1) });
    this.#payloads.task(current);
    checkTaskChange(this.#judge, host, previous, current);
    if (isNewlyAssigned(previous, current) && current.nodeId !== undefined) {
      checkAssignment(this.#judge, host, current, holders.nodes.get(current.nodeId));
      filled.add(current.nodeId);
    }
    if (previous?.desiredState !== current.desiredState) stirred.push(current);
  }

  /** `later`: what was changed after that, and is in the view. */
  #madeTask(
    view: View,
    task: Task,
    { holders, later }: { readonly holders: Holders; readonly later: readonly Change[] },
  ): void {
    const slot = slotOf(task);
    if (slot === undefined) return;
    const others = view.tasksOfSlot(task.serviceId, slot).map((other) => asItWas(other, later));
    this.#pairs.made(task, others, holders.nodes);
  }

  #checkSlotOf(host: ClusterHost, view: View, task: Task): void {
    const slot = slotOf(task);
    if (slot === undefined) return;
    const tasks = view.tasksOfSlot(task.serviceId, slot);
    checkSlot(this.#judge, host, tasks, { service: view.service(task.serviceId), pairs: this.#pairs });
  }
}

/** A task before these changes. */
function asItWas(task: Task, changes: readonly Change[]): Task {
  for (const change of changes) if (change.table === "tasks" && change.id === task.id) return change.previous ?? task;
  return task;
}
