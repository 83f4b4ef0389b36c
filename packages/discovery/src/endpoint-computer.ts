import {
  addDigest,
  DEFAULT_NETWORK_NAME,
  entryDigest,
  equal,
  stackOf,
  subtractDigest,
  tableDigest,
  type ClusterNode,
  type EndpointChange,
  type EndpointTable,
  type Index,
  type NetworkEntry,
  type NetworkId,
  type Service,
  type ServiceEndpoints,
  type ServiceId,
  type Task,
} from "@murmur/model";
import type { Change, View, WatchEvents } from "@murmur/store";
import { ChangeHistory, HISTORY_LENGTH } from "./change-history.ts";
import { endpointTable, isAttached, networkEntry, reachOf, serviceEndpoints } from "./endpoint-table.ts";

/** What may have changed. */
interface Dirty {
  readonly services: Set<ServiceId>;
  readonly networks: Set<NetworkId>;
}

/**
 * Keeps the endpoint table up to date from the store's changes: only what may have changed is computed again, and what
 * came out the same stays the same object. It knows what has changed since a version, so that others are told no more
 * than that. Invariant: after `update` the table equals `endpointTable(view)`.
 */
export class EndpointComputer {
  readonly #view: View;
  readonly #services = new Map<ServiceId, ServiceEndpoints>();
  readonly #networks = new Map<NetworkId, NetworkEntry>();
  readonly #historyLength: number;
  #history: ChangeHistory;
  #version: Index;
  #digest: number;
  /** Put together when somebody wants the whole of it. */
  #table: EndpointTable | undefined;

  /** Begin the watch first, then this. `historyLength`: changes that are remembered at least. */
  constructor(view: View, historyLength = HISTORY_LENGTH) {
    this.#view = view;
    this.#version = view.version;
    this.#historyLength = historyLength;
    this.#history = new ChangeHistory(view.version, historyLength);
    const table = endpointTable(view);
    for (const service of table.services) this.#services.set(service.serviceId, service);
    for (const network of table.networks) this.#networks.set(network.id, network);
    this.#table = table;
    this.#digest = tableDigest(table);
  }

  /** Of the view that was taken in last. */
  get version(): Index {
    return this.#version;
  }

  get table(): EndpointTable {
    const version = this.#version;
    if (this.#table?.version === version) return this.#table;
    const before = this.#table;
    return (this.#table =
      before === undefined
        ? { version, networks: sorted(this.#networks), services: sorted(this.#services) }
        : { ...before, version });
  }

  /**
   * Takes in what a watch drained, right after it drained: the view must not have moved on since. Returns whether the table
   * is another one then, its version aside.
   */
  update(events: WatchEvents): boolean {
    const dirty: Dirty = { services: new Set(), networks: new Set() };
    const { version } = this.#view;
    this.#version = version;
    if (events.kind === "resync") {
      this.#markAll(dirty);
      this.#history = new ChangeHistory(version, this.#historyLength);
    } else for (const { changes } of events.batches) for (const change of changes) this.#mark(change, dirty);
    let changed = false;
    for (const id of dirty.services) {
      const service = this.#view.service(id);
      const next = service && serviceEndpoints(this.#view, service);
      changed = this.#put(this.#services, id, next) || changed;
      this.#history.add({ version, service: id });
    }
    for (const id of dirty.networks) {
      const network = this.#view.network(id);
      changed = this.#put(this.#networks, id, network && networkEntry(network)) || changed;
      this.#history.add({ version, network: id });
    }
    if (changed) this.#table = undefined;
    return changed;
  }

  /**
   * What turns the table of a version, this computer's or any other one's of the same history, into the present one; the
   * whole table when what changed since isn't known, and from 0. O(what has changed) otherwise.
   */
  changesSince(version: Index): EndpointChange {
    const known = version === 0 || version > this.#version ? undefined : this.#history.after(version);
    const same = { version: this.#version, digest: this.#digest };
    if (known === undefined) {
      const { networks, services } = this.table;
      return { ...same, from: 0, networks, services, removedNetworks: [], removedServices: [] };
    }
    const [networks, removedNetworks] = split(known.networks, this.#networks);
    const [services, removedServices] = split(known.services, this.#services);
    return { ...same, from: version, networks, services, removedNetworks, removedServices };
  }

  #mark(change: Change, dirty: Dirty): void {
    const { table, previous, current } = change;
    if (table === "services" && serviceMatters(previous, current)) dirty.services.add((current ?? previous).id);
    if (table === "tasks" && taskMatters(previous, current)) dirty.services.add((current ?? previous).serviceId);
    if (table === "nodes" && nodeMatters(previous, current)) {
      for (const { serviceId } of this.#view.tasksOfNode((current ?? previous).id)) dirty.services.add(serviceId);
    }
    if (table !== "networks") return;
    dirty.networks.add((current ?? previous).id);
    // It has the services that name none.
    if ([previous, current].some((network) => network?.spec.name === DEFAULT_NETWORK_NAME))
      for (const { id } of this.#view.services()) dirty.services.add(id);
  }

  #markAll(dirty: Dirty): void {
    for (const id of this.#services.keys()) dirty.services.add(id);
    for (const { id } of this.#view.services()) dirty.services.add(id);
    for (const id of this.#networks.keys()) dirty.networks.add(id);
    for (const { id } of this.#view.networks()) dirty.networks.add(id);
  }

  /** Takes in what an entry is now; undefined: there is none. Returns whether it is another one. */
  #put<T extends ServiceEndpoints | NetworkEntry, Id>(entries: Map<Id, T>, id: Id, next: T | undefined): boolean {
    const before = entries.get(id);
    if (equal(next, before)) return false;
    if (before !== undefined) this.#digest = subtractDigest(this.#digest, entryDigest(before).digest);
    if (next === undefined) entries.delete(id);
    else {
      entries.set(id, next);
      this.#digest = addDigest(this.#digest, entryDigest(next).digest);
    }
    return true;
  }
}

const sorted = <Id extends string, T>(entries: ReadonlyMap<Id, T>): readonly T[] =>
  [...entries].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, entry]) => entry);

/** What is there of the named, and the names of what is not. */
function split<Id, T>(ids: ReadonlySet<Id>, entries: ReadonlyMap<Id, T>): readonly [readonly T[], readonly Id[]] {
  const present: T[] = [];
  const gone: Id[] = [];
  for (const id of ids) {
    const entry = entries.get(id);
    if (entry === undefined) gone.push(id);
    else present.push(entry);
  }
  return [present, gone];
}

/** Most updates change what the service's tasks are made of, or a label, and not where they are found. */
function serviceMatters(previous: Service | undefined, current: Service | undefined): boolean {
  if (previous === undefined || current === undefined) return true;
  const { spec: before } = previous;
  const { spec: after } = current;
  return !(
    before.name === after.name &&
    stackOf(before) === stackOf(after) &&
    previous.removing === current.removing &&
    equal(previous.ports, current.ports) &&
    equal(previous.vips, current.vips) &&
    equal(before.endpoint.ports, after.endpoint.ports) &&
    equal(before.task.networks, after.task.networks)
  );
}

/** Most reports only change a message. The node is left out: whatever happens to it marks its services itself. */
const taskMatters = (previous: Task | undefined, current: Task | undefined): boolean =>
  (previous !== undefined && isAttached(previous)) !== (current !== undefined && isAttached(current)) ||
  !equal(previous && reachOf(previous), current && reachOf(current));

function nodeMatters(previous: ClusterNode | undefined, current: ClusterNode | undefined): boolean {
  const isDown = (node: ClusterNode | undefined): boolean => node === undefined || node.status.state === "down";
  return isDown(previous) !== isDown(current) || previous?.address !== current?.address;
}
