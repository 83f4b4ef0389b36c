import { endpointTable } from "@murmur/discovery";
import { holdsSlot, isLater, type ServiceId, type Task, type TaskId, type TaskState } from "@murmur/model";
import type { Manager } from "@murmur/manager";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

/**
 * What must hold at every moment, whatever fails. Looked at after each step of simulated time, on each manager's replica:
 * - a task's observed state only moves forward;
 * - a slot has one task that holds it, two only while an update that starts first replaces one;
 * - no task has two running containers, wherever they are;
 * - replicas at the same version show the same.
 */
export class SafetyWatch {
  readonly #world: World;
  readonly #seen = new WeakMap<Manager, { version: number; states: Map<TaskId, TaskState> }>();
  readonly #byVersion = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Throws when something does not hold. */
  check(): void {
    this.#noDoubles();
    for (const host of this.#world.hosts) {
      const manager = this.#world.manager(host);
      if (manager === undefined) continue;
      const { view } = manager;
      const seen = this.#seen.get(manager);
      if (seen?.version === view.version) continue;
      if (seen !== undefined && view.version < seen.version) throw new Error(`${host.name}: the state went back`);
      const tasks = [...view.tasks()];
      this.#forward(host, tasks, seen?.states);
      this.#oneHolder(host, tasks);
      this.#same(host, view.version, tasks);
      const states = new Map(tasks.map((task): [TaskId, TaskState] => [task.id, task.status.state]));
      this.#seen.set(manager, { version: view.version, states });
    }
  }

  #forward(host: Host, tasks: readonly Task[], before: ReadonlyMap<TaskId, TaskState> | undefined): void {
    for (const { id, status } of tasks) {
      const last = before?.get(id);
      if (last !== undefined && isLater(last, status.state))
        throw new Error(`${host.name}: task ${id} went back from ${last} to ${status.state}`);
    }
  }

  #oneHolder(host: Host, tasks: readonly Task[]): void {
    const holders = new Map<string, Task>();
    for (const task of tasks.filter(holdsSlot)) {
      const key = `${task.serviceId} ${String(task.slot)} ${task.slot === 0 ? (task.nodeId ?? "") : ""}`;
      const other = holders.get(key);
      holders.set(key, task);
      if (other === undefined) continue;
      const update = this.#world.manager(host)?.view.service(task.serviceId)?.spec.update;
      if (update?.order === "start-first" && other.specVersion !== task.specVersion) continue;
      // The replacement is held back until the one before has stopped.
      if (other.desiredState === "ready" || task.desiredState === "ready") continue;
      throw new Error(`${host.name}: slot ${String(task.slot)} is held by ${other.id} and ${task.id}`);
    }
  }

  #noDoubles(): void {
    const running = new Map<string, string>();
    for (const host of this.#world.hosts) {
      for (const { name, live } of host.engine.containers()) {
        const other = running.get(name);
        if (live && other !== undefined) throw new Error(`${name} runs on ${other} and on ${host.name}`);
        if (live) running.set(name, host.name);
      }
    }
  }

  #same(host: Host, version: number, tasks: readonly Task[]): void {
    const shown = JSON.stringify(tasks.map(({ id, status, desiredState }) => [id, status.state, desiredState]));
    // A cluster that was begun anew may have lost what an old manager still shows until it hears of that.
    const place = `${String(this.#world.generation(host))} ${String(version)}`;
    const other = this.#byVersion.get(place);
    // Within one entry a version is shown several times: only the last word counts, which is what a step ends with.
    this.#byVersion.set(place, shown);
    if (other !== undefined && other !== shown)
      throw new Error(`${host.name}: shows something else at version ${String(version)}`);
  }
}

/** Containers that really run on these hosts. */
export const containersOn = (hosts: readonly Host[]): number =>
  hosts.reduce((sum, host) => sum + host.engine.containers().filter(({ live }) => live).length, 0);

/** Each container with how often it was started: what adoption must not change. */
export const containerStarts = (hosts: readonly Host[]): string[] =>
  hosts.flatMap(({ engine }) => engine.containers().map(({ name, starts }) => `${name} ${String(starts)}`)).toSorted();

/** The tasks of a service that are wanted and run, as one host's replica has them. */
export function runningTasks(world: World, host: Host, id: ServiceId): readonly Task[] {
  const tasks = world.manager(host)?.view.tasksOfService(id) ?? [];
  return tasks.filter((task) => task.desiredState === "running" && task.status.state === "running");
}

/** Whether every node of the cluster that runs has the endpoints that the managers' state has. */
function sameEndpoints(world: World, hosts: readonly Host[] = world.running): boolean {
  const leader = world.leader(hosts);
  const view = leader === undefined ? undefined : world.manager(leader)?.view;
  if (view === undefined) return false;
  const expected = JSON.stringify(endpointTable(view).services);
  return hosts.every(({ process }) => JSON.stringify(process?.plane.table?.services) === expected);
}

/**
 * Whether the cluster is whole: every service that was acknowledged is there, with all its tasks running in slots of
 * their own, one container for each and none besides; every node has the same endpoints.
 */
export function isWhole(world: World, hosts: readonly Host[] = world.running): boolean {
  const managers = hosts.filter((host) => world.manager(host) !== undefined);
  const services = [...world.acknowledged];
  const wanted = services.reduce((sum, [, replicas]) => sum + replicas, 0);
  return (
    world.leader(hosts) !== undefined &&
    managers.every((host) =>
      services.every(([id, replicas]) => {
        const running = runningTasks(world, host, id);
        return running.length === replicas && new Set(running.map(({ slot }) => slot)).size === replicas;
      }),
    ) &&
    containersOn(hosts) === wanted &&
    sameEndpoints(world, hosts)
  );
}
