import type { Millis, NodeId } from "@murmur/base";
import {
  isAssigned,
  isTerminal,
  wantsToRun,
  type ClusterNode,
  type Resources,
  type ServiceId,
  type Task,
} from "@murmur/model";
import { hashText } from "./hash.ts";
import { hostPortsOf, TakenPorts, type HostPort } from "./host-ports.ts";
import type { Requirement } from "./requirement.ts";

/** Failures older than this are forgiven, as in SwarmKit. */
export const FAILURE_WINDOW_MS: Millis = 5 * 60_000;
/** From so many recent failures of a service on, a node is the last choice for it, as in SwarmKit. */
export const FAILURES_MAX = 5;

interface Failure {
  readonly taskId: string;
  readonly specVersion: number;
  readonly at: Millis;
}

const NOTHING: Resources = { nanoCpus: 0, memoryBytes: 0 };
const share = (free: number, total: number): number => (total > 0 ? free / total : 0);

/** Whether a task still has to be given a node, or, when it was made for one, to be let in there. */
export function isPending(task: Task): boolean {
  return !isAssigned(task.status.state) && wantsToRun(task.desiredState);
}

/** Whether a task takes room on its node: from its assignment until it has stopped, wanted or not. */
function occupies(task: Task): boolean {
  return isAssigned(task.status.state) && !isTerminal(task.status.state);
}

/**
 * What one node holds, in sums. Invariant: equal to the sums over all tasks of the node, however they came in; nothing
 * is kept of a task that was released.
 */
export class NodeLoad {
  readonly id: NodeId;
  readonly hash: number;
  #node: ClusterNode | undefined;
  /** What the node says that it has; kept beside it because scoring reads it for every node. */
  #total = NOTHING;
  #nanoCpus = 0;
  #memoryBytes = 0;
  /** Tasks that take room. */
  #occupying = 0;
  /** Tasks that take room and are wanted. */
  #wanted = 0;
  readonly #wantedByService = new Map<ServiceId, number>();
  readonly #hostPorts = new TakenPorts();
  readonly #failures = new Map<ServiceId, Failure[]>();

  constructor(id: NodeId) {
    this.id = id;
    this.hash = hashText(id);
  }

  /** Undefined when the node was removed and its tasks' records are still there. */
  get node(): ClusterNode | undefined {
    return this.#node;
  }

  set node(node: ClusterNode | undefined) {
    this.#node = node;
    this.#total = node?.description?.resources ?? NOTHING;
  }

  get empty(): boolean {
    return this.#node === undefined && this.#occupying === 0 && this.#failures.size === 0;
  }

  /** What is reserved by tasks. */
  get reserved(): { readonly nanoCpus: number; readonly memoryBytes: number } {
    return { nanoCpus: this.#nanoCpus, memoryBytes: this.#memoryBytes };
  }

  /** Not reserved CPU; negative when the node shrank below what its tasks reserve. */
  get freeNanoCpus(): number {
    return this.#total.nanoCpus - this.#nanoCpus;
  }

  /** Not reserved memory; negative when the node shrank below what its tasks reserve. */
  get freeMemoryBytes(): number {
    return this.#total.memoryBytes - this.#memoryBytes;
  }

  /** Mean of the shares of CPU and of memory that would not be reserved with one more task here. */
  freeShareAfter({ nanoCpus, memoryBytes }: Pick<Requirement, "nanoCpus" | "memoryBytes">): number {
    const cpu = share(this.freeNanoCpus - nanoCpus, this.#total.nanoCpus);
    return (cpu + share(this.freeMemoryBytes - memoryBytes, this.#total.memoryBytes)) / 2;
  }

  get wanted(): number {
    return this.#wanted;
  }

  wantedOf(service: ServiceId): number {
    return this.#wantedByService.get(service) ?? 0;
  }

  usesHostPort(port: HostPort): boolean {
    return this.#hostPorts.has(port);
  }

  /** How often tasks of this service and spec version failed here within the last `FAILURE_WINDOW_MS`. */
  failuresOf(requirement: Pick<Requirement, "serviceId" | "specVersion">, now: Millis): number {
    const failures = this.#failures.size === 0 ? undefined : this.#failures.get(requirement.serviceId);
    if (failures === undefined) return 0;
    let count = 0;
    for (const failure of failures) {
      if (failure.specVersion === requirement.specVersion && failure.at > now - FAILURE_WINDOW_MS) count += 1;
    }
    return count;
  }

  /** Counts a task of this node in. */
  hold(task: Task): void {
    if (occupies(task)) {
      const { nanoCpus, memoryBytes } = task.spec.resources.reservations;
      this.#add(1, { nanoCpus, memoryBytes, hostPorts: hostPortsOf(task) });
      if (wantsToRun(task.desiredState)) this.#addWanted(1, task.serviceId);
    } else if (task.status.state === "failed" || task.status.state === "rejected") {
      const failures = this.#failures.get(task.serviceId);
      const failure = { taskId: task.id, specVersion: task.specVersion, at: task.status.at };
      if (failures === undefined) this.#failures.set(task.serviceId, [failure]);
      else failures.push(failure);
    }
  }

  /** Takes a task out again, as it was when it was counted in. */
  release(task: Task): void {
    if (occupies(task)) {
      const { nanoCpus, memoryBytes } = task.spec.resources.reservations;
      this.#add(-1, { nanoCpus, memoryBytes, hostPorts: hostPortsOf(task) });
      if (wantsToRun(task.desiredState)) this.#addWanted(-1, task.serviceId);
    } else if (task.status.state === "failed" || task.status.state === "rejected") {
      const failures = this.#failures.get(task.serviceId)?.filter((failure) => failure.taskId !== task.id) ?? [];
      if (failures.length === 0) this.#failures.delete(task.serviceId);
      else this.#failures.set(task.serviceId, failures);
    }
  }

  /** Counts in a task that a running batch places here; `unplace` takes it out when the batch is done. */
  place(requirement: Requirement): void {
    this.#add(1, requirement);
    this.#addWanted(1, requirement.serviceId);
  }

  unplace(requirement: Requirement): void {
    this.#add(-1, requirement);
    this.#addWanted(-1, requirement.serviceId);
  }

  /** All sums, for comparing with those of a rebuild. */
  summary(): object {
    const sorted = <T>(map: ReadonlyMap<string, T>): [string, T][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      id: this.id,
      version: this.#node?.version,
      ...this.reserved,
      occupying: this.#occupying,
      wanted: this.#wanted,
      byService: sorted(this.#wantedByService),
      hostPorts: this.#hostPorts.summary(),
      failures: sorted(this.#failures).map(([service, failures]) => [
        service,
        failures.map((failure) => `${failure.taskId}/${String(failure.specVersion)}/${String(failure.at)}`).sort(),
      ]),
    };
  }

  #add(sign: 1 | -1, room: Pick<Requirement, "nanoCpus" | "memoryBytes" | "hostPorts">): void {
    this.#occupying += sign;
    this.#nanoCpus += sign * room.nanoCpus;
    this.#memoryBytes += sign * room.memoryBytes;
    for (const port of room.hostPorts) this.#hostPorts.count(port, sign);
  }

  #addWanted(sign: 1 | -1, service: ServiceId): void {
    this.#wanted += sign;
    addTo(this.#wantedByService, service, sign);
  }
}

/** Entries of zero are not kept, so that a map is no larger than what it counts. */
function addTo<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
