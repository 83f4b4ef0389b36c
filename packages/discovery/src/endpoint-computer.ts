import {
  stackOf,
  type ClusterNode,
  type EndpointTable,
  type Service,
  type ServiceEndpoints,
  type ServiceId,
  type Task,
} from "@murmur/model";
import { equal, type Change, type View, type WatchEvents } from "@murmur/store";
import { byServiceId, endpointTable, isAttached, networksOf, reachOf, serviceEndpoints } from "./endpoint-table.ts";

/**
 * Keeps the endpoint table up to date from the store's changes: only what may have changed is computed again, and what
 * came out the same stays the same object, so that a reader compares by identity. Invariant: after `update` the table
 * equals `endpointTable(view)`.
 */
export class EndpointComputer {
  readonly #view: View;
  #table: EndpointTable;
  readonly #services = new Map<ServiceId, ServiceEndpoints>();

  /** Begin the watch first, then this. */
  constructor(view: View) {
    this.#view = view;
    this.#table = endpointTable(view);
    this.#remember();
  }

  get table(): EndpointTable {
    return this.#table;
  }

  /** Takes in what a watch drained, right after it drained: the view must not have moved on since. */
  update(events: WatchEvents): EndpointTable {
    if (events.kind === "resync") {
      this.#table = this.#sparing(endpointTable(this.#view));
      this.#remember();
      return this.#table;
    }
    const dirty = new Set<ServiceId>();
    let networks = false;
    for (const { changes } of events.batches) {
      for (const change of changes) {
        networks ||= change.table === "networks";
        this.#mark(change, dirty);
      }
    }
    if (networks) for (const { id } of this.#view.services()) dirty.add(id);
    this.#recompute(dirty, networks);
    return this.#table;
  }

  #mark(change: Change, dirty: Set<ServiceId>): void {
    const { table, previous, current } = change;
    if (table === "services" && serviceMatters(previous, current)) dirty.add((current ?? previous).id);
    if (table === "tasks" && taskMatters(previous, current)) dirty.add((current ?? previous).serviceId);
    if (table === "nodes" && nodeMatters(previous, current)) {
      for (const { serviceId } of this.#view.tasksOfNode((current ?? previous).id)) dirty.add(serviceId);
    }
  }

  #recompute(dirty: ReadonlySet<ServiceId>, networks: boolean): void {
    let changed = false;
    for (const id of dirty) {
      const service = this.#view.service(id);
      const next = service && serviceEndpoints(this.#view, service);
      if (equal(next, this.#services.get(id))) continue;
      changed = true;
      if (next === undefined) this.#services.delete(id);
      else this.#services.set(id, next);
    }
    const { version } = this.#view;
    if (!changed && !networks && version === this.#table.version) return;
    this.#table = {
      version,
      networks: networks ? networksOf(this.#view) : this.#table.networks,
      services: changed ? [...this.#services.values()].sort(byServiceId) : this.#table.services,
    };
  }

  /** The table with the objects that it has in common with the one before. */
  #sparing(table: EndpointTable): EndpointTable {
    const services = table.services.map((next) => {
      const old = this.#services.get(next.serviceId);
      return old !== undefined && equal(old, next) ? old : next;
    });
    return { ...table, services };
  }

  #remember(): void {
    this.#services.clear();
    for (const service of this.#table.services) this.#services.set(service.serviceId, service);
  }
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
