import type { Millis, NodeId } from "@murmur/base";
import {
  ofKind,
  reservedGeneric,
  wantsToRun,
  type ClusterNode,
  type Resources,
  type ServiceId,
  type Task,
} from "@murmur/model";
import { hashText } from "./hash.ts";
import { hostPortsOf, TakenPorts, type HostPort } from "./host-ports.ts";
import { namedIn, type Requirement } from "./requirement.ts";
import { occupies } from "./task-facts.ts";

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
const NO_VOLUMES: readonly string[] = [];
const NOTHING_OFFERED: readonly (readonly [kind: string, amount: number])[] = [];

/** What a task takes of its node. */
type Room = Pick<Requirement, keyof Resources | "generic" | "genericNames" | "hostPorts">;

function roomOf(task: Task): Room {
  const { reservations } = task.spec.resources;
  const { nanoCpus, memoryBytes } = reservations;
  const [generic, genericNames] = [reservedGeneric(reservations), namedIn(task.genericNames)];
  return { nanoCpus, memoryBytes, generic, genericNames, hostPorts: hostPortsOf(task) };
}

/** Neither has a "=". */
const nameKey = (kind: string, name: string): string => `${kind}=${name}`;

const share = (free: number, total: number): number => (total > 0 ? free / total : 0);

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
  /** What the node offers of generic resources, by kind, sorted. */
  #offered: readonly (readonly [kind: string, amount: number])[] = NOTHING_OFFERED;
  #nanoCpus = 0;
  #memoryBytes = 0;
  readonly #generic = new Map<string, number>();
  /** How many tasks were given a name of a kind, by `kind=name`: one, but for a moment in which two plans differ. */
  readonly #names = new Map<string, number>();
  /** Tasks that take room. */
  #occupying = 0;
  /** Tasks that take room and are wanted. */
  #wanted = 0;
  readonly #wantedByService = new Map<ServiceId, number>();
  #volumes: readonly string[] = NO_VOLUMES;
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
    this.#volumes = node?.volumes ?? NO_VOLUMES;
    const resources = node?.description?.resources;
    this.#total = resources ?? NOTHING;
    this.#offered =
      resources?.generic === undefined
        ? NOTHING_OFFERED
        : Object.entries(resources.generic)
            .map(([kind, offer]) => [kind, typeof offer === "number" ? offer : offer.length] as const)
            .filter(([, amount]) => amount > 0)
            .sort(([a], [b]) => (a < b ? -1 : 1));
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

  /** What the node offers of generic resources, by kind, sorted. */
  get offered(): readonly (readonly [kind: string, amount: number])[] {
    return this.#offered;
  }

  /** Not reserved of a generic resource; negative when the node offers less than its tasks reserve. */
  freeGeneric(kind: string): number {
    const total = this.#offered.find(([other]) => other === kind)?.[1] ?? 0;
    return total - (this.#generic.get(kind) ?? 0);
  }

  /** Whether the node offers this one of a kind by name, and no task has it. */
  hasFree(kind: string, name: string): boolean {
    const offer = ofKind(this.#node?.description?.resources.generic, kind);
    return Array.isArray(offer) && offer.includes(name) && !this.#names.has(nameKey(kind, name));
  }

  /** The CPU and memory that the whole node has for each of so many units. */
  perUnit(units: number): Resources {
    return { nanoCpus: this.#total.nanoCpus / units, memoryBytes: this.#total.memoryBytes / units };
  }

  /** Mean of the shares of all that the node has that would not be reserved with one more task here. */
  freeShareAfter({ nanoCpus, memoryBytes, generic }: Pick<Requirement, keyof Resources | "generic">): number {
    const cpu = share(this.freeNanoCpus - nanoCpus, this.#total.nanoCpus);
    let sum = cpu + share(this.freeMemoryBytes - memoryBytes, this.#total.memoryBytes);
    for (const [kind, total] of this.#offered) {
      const asked = generic.find(([other]) => other === kind)?.[1] ?? 0;
      sum += (this.freeGeneric(kind) - asked) / total;
    }
    return sum / (2 + this.#offered.length);
  }

  /** The volumes that tasks may find here. */
  get volumes(): readonly string[] {
    return this.#volumes;
  }

  /** How many of these volumes are here. */
  heldOf(names: readonly string[]): number {
    let count = 0;
    for (const name of names) if (this.#volumes.includes(name)) count += 1;
    return count;
  }

  get wanted(): number {
    return this.#wanted;
  }

  wantedOf(service: ServiceId): number {
    return this.#wantedByService.get(service) ?? 0;
  }

  /** Whether a service has tasks here, or had some that failed: else the node is to it like to any other service. */
  concerns(service: ServiceId): boolean {
    return this.#wantedByService.has(service) || this.#failures.has(service);
  }

  /** Whether tasks of a service have failed here, however long ago. */
  hasFailuresOf(service: ServiceId): boolean {
    return this.#failures.has(service);
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
      this.#add(1, roomOf(task));
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
      this.#add(-1, roomOf(task));
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
      generic: sorted(this.#generic),
      names: sorted(this.#names),
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

  #add(sign: 1 | -1, room: Room): void {
    this.#occupying += sign;
    this.#nanoCpus += sign * room.nanoCpus;
    this.#memoryBytes += sign * room.memoryBytes;
    for (const [kind, amount] of room.generic) addTo(this.#generic, kind, sign * amount);
    for (const [kind, name] of room.genericNames) addTo(this.#names, nameKey(kind, name), sign);
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
