import { ClusterError } from "@murmur/base";
import type { Service, Task, ClusterNode, Network } from "@murmur/model";
import type { Change, View } from "@murmur/store";
import { fromNetwork } from "../docker/network.ts";
import { fromNode, type NodeContext } from "../docker/node.ts";
import { fromService } from "../docker/service.ts";
import { fromTask } from "../docker/task.ts";
import { EVENT_KINDS, type ClusterEvent, type EventKind } from "../murmur-types.ts";

export interface EventFilter {
  /** Only this service and its tasks. */
  readonly service: string | undefined;
  readonly kinds: ReadonlySet<EventKind>;
}

/** Reads `?service=ID&kinds=task,node`. Errors: `invalid_argument` for a kind that there isn't. */
export function parseEventFilter(service: string | undefined, kinds: string | undefined): EventFilter {
  const words = kinds === undefined || kinds === "" ? EVENT_KINDS : kinds.split(",");
  const wanted = words.map((word) => {
    const kind = EVENT_KINDS.find((candidate) => candidate === word);
    if (kind !== undefined) return kind;
    throw new ClusterError("invalid_argument", `invalid kinds '${word}': give some of ${EVENT_KINDS.join(",")}`);
  });
  return { service: service || undefined, kinds: new Set(wanted) };
}

/** What turns records into events, for one reader. */
export class EventWriter {
  readonly #filter: EventFilter;
  readonly #view: View;
  readonly #nodeContext: () => NodeContext;

  constructor(filter: EventFilter, view: View, nodeContext: () => NodeContext) {
    this.#filter = filter;
    this.#view = view;
    this.#nodeContext = nodeContext;
  }

  /** Everything that there is now and that the reader wants; lazily written, from records that never change. */
  *snapshot(): Generator<ClusterEvent, void, undefined> {
    const view = this.#view;
    const version = view.version;
    const networks = this.#wantsAll("network") ? view.networks().filter(({ removing }) => removing !== true) : [];
    const nodes = this.#wantsAll("node") ? view.nodes() : [];
    const services = view.services().filter((service) => this.#wantsService(service));
    const tasks = [...view.tasks()].filter((task) => this.#wantsTask(task));
    yield { kind: "snapshot", version };
    for (const network of networks) yield this.#network(network);
    for (const node of nodes) yield this.#node(node);
    for (const service of services) yield this.#service(service);
    for (const task of tasks) yield this.#task(task);
    yield { kind: "synced", version };
  }

  /** The event of one change; undefined when the reader doesn't want it. */
  change(change: Change): ClusterEvent | undefined {
    const { index, id } = change;
    switch (change.table) {
      case "services": {
        if (!this.#wantsService(change.current ?? change.previous)) return undefined;
        if (change.kind === "delete") return { kind: "service", action: "remove", version: index, id };
        return this.#service(change.current);
      }
      case "tasks": {
        if (!this.#wantsTask(change.current ?? change.previous)) return undefined;
        if (change.kind === "delete") return { kind: "task", action: "remove", version: index, id };
        return this.#task(change.current);
      }
      case "nodes": {
        if (!this.#wantsAll("node")) return undefined;
        if (change.kind === "delete") return { kind: "node", action: "remove", version: index, id };
        return this.#node(change.current);
      }
      case "networks": {
        if (!this.#wantsAll("network")) return undefined;
        // For its users a network goes before its record does.
        if (change.previous?.removing === true) return undefined;
        if (change.kind === "delete" || change.current.removing === true)
          return { kind: "network", action: "remove", version: index, id };
        return this.#network(change.current);
      }
      // Secrets, and what only managers care for.
      case "cluster":
      case "restarts":
      case "secrets":
      case "configs":
        return undefined;
    }
  }

  #wantsAll(kind: EventKind): boolean {
    return this.#filter.service === undefined && this.#filter.kinds.has(kind);
  }
  #wantsService(service: Service): boolean {
    const { service: id, kinds } = this.#filter;
    return kinds.has("service") && (id === undefined || id === service.id);
  }
  #wantsTask(task: Task): boolean {
    const { service: id, kinds } = this.#filter;
    return kinds.has("task") && (id === undefined || id === task.serviceId);
  }

  #service(service: Service): ClusterEvent {
    const { id, version } = service;
    return {
      kind: "service",
      action: "put",
      version,
      id,
      object: fromService(service, { networkOf: (network) => this.#view.network(network) }),
    };
  }
  #task(task: Task): ClusterEvent {
    const object = fromTask(task, (id) => this.#view.network(id));
    return { kind: "task", action: "put", version: task.version, id: task.id, object };
  }
  #node(node: ClusterNode): ClusterEvent {
    const object = fromNode(node, this.#nodeContext());
    return { kind: "node", action: "put", version: node.version, id: node.id, object };
  }
  #network(network: Network): ClusterEvent {
    const { id, version } = network;
    return { kind: "network", action: "put", version, id, object: fromNetwork(network) };
  }
}
