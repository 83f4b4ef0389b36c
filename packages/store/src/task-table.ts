import { assert, type NodeId } from "@murmur/base";
import type { ServiceId, Task, TaskId } from "@murmur/model";
import { ReservedRoom } from "./reserved-room.ts";
import { Table } from "./table.ts";
import { slotOf } from "./view.ts";

interface ServiceTasks {
  readonly tasks: Table<TaskId, Task>;
  /** Arrays are replaced, never changed; oldest task first. */
  readonly slots: Map<number | NodeId, readonly Task[]>;
  /** The one put last. It may have been deleted since: good enough to take equal parts from. */
  latest: Task;
}

interface NodeTasks {
  readonly tasks: Table<TaskId, Task>;
  sorted: readonly Task[] | undefined;
  /** What is reserved by the tasks that take room. */
  readonly reserved: ReservedRoom;
}

const NOTHING_RESERVED = new ReservedRoom();

/**
 * The tasks, by id, service, slot and node. Every operation takes the same time however many tasks there are.
 * Invariant: a task's service and slot never change, nor its node once it has one.
 */
export class TaskTable {
  readonly #all = new Table<TaskId, Task>();
  readonly #services = new Map<ServiceId, ServiceTasks>();
  readonly #nodes = new Map<NodeId, NodeTasks>();

  get size(): number {
    return this.#all.size;
  }

  get(id: TaskId): Task | undefined {
    return this.#all.get(id);
  }

  values(): Iterable<Task> {
    return this.#all.values();
  }

  ofService(id: ServiceId): readonly Task[] {
    return this.#services.get(id)?.tasks.list() ?? NONE;
  }

  someOfService(id: ServiceId): Task | undefined {
    return this.#services.get(id)?.latest;
  }

  ofSlot(id: ServiceId, slot: number | NodeId): readonly Task[] {
    return this.#services.get(id)?.slots.get(slot) ?? NONE;
  }

  ofNode(id: NodeId): readonly Task[] {
    const node = this.#nodes.get(id);
    if (node === undefined) return NONE;
    // Tasks come to a node in another order than the one in which a snapshot has them: sorted, replicas agree.
    return (node.sorted ??= [...node.tasks.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
  }

  /** What is reserved on a node by tasks that were given to it and have not ended. */
  reservedOn(id: NodeId): Readonly<ReservedRoom> {
    return this.#nodes.get(id)?.reserved ?? NOTHING_RESERVED;
  }

  put(task: Task): Task | undefined {
    const slot = slotOf(task);
    assert(slot !== undefined, "a task has a slot or a node");
    const previous = this.#all.put(task.id, task);
    assert(previous === undefined || previous.serviceId === task.serviceId, "a task's service never changes");
    assert(previous === undefined || slotOf(previous) === slot, "a task's slot never changes");
    assert(previous?.nodeId === undefined || previous.nodeId === task.nodeId, "a task's node never changes");
    const service = this.#serviceTasks(task);
    service.latest = task;
    service.tasks.set(task.id, task);
    const mates = service.slots.get(slot) ?? NONE;
    service.slots.set(slot, previous === undefined ? [...mates, task] : mates.with(mates.indexOf(previous), task));
    if (task.nodeId !== undefined) {
      const node = this.#nodeTasks(task.nodeId);
      node.tasks.set(task.id, task);
      node.sorted = undefined;
      if (previous?.nodeId !== undefined) node.reserved.count(previous, -1);
      node.reserved.count(task, 1);
    }
    return previous;
  }

  delete(id: TaskId): Task | undefined {
    const task = this.#all.delete(id);
    if (task === undefined) return undefined;
    this.#forgetInService(task);
    const node = task.nodeId === undefined ? undefined : this.#nodes.get(task.nodeId);
    if (node !== undefined && task.nodeId !== undefined) {
      node.tasks.delete(id);
      node.sorted = undefined;
      node.reserved.count(task, -1);
      if (node.tasks.size === 0) this.#nodes.delete(task.nodeId);
    }
    return task;
  }

  #forgetInService(task: Task): void {
    const service = this.#services.get(task.serviceId);
    const slot = slotOf(task);
    assert(service !== undefined && slot !== undefined, "a task is in the index of its service");
    service.tasks.delete(task.id);
    if (service.tasks.size === 0) this.#services.delete(task.serviceId);
    const mates = (service.slots.get(slot) ?? NONE).filter((mate) => mate.id !== task.id);
    if (mates.length === 0) service.slots.delete(slot);
    else service.slots.set(slot, mates);
  }

  #serviceTasks(task: Task): ServiceTasks {
    let found = this.#services.get(task.serviceId);
    if (found === undefined) {
      found = { tasks: new Table(), slots: new Map(), latest: task };
      this.#services.set(task.serviceId, found);
    }
    return found;
  }

  #nodeTasks(id: NodeId): NodeTasks {
    let found = this.#nodes.get(id);
    if (found === undefined)
      this.#nodes.set(id, (found = { tasks: new Table(), sorted: undefined, reserved: new ReservedRoom() }));
    return found;
  }
}

const NONE: readonly Task[] = [];
