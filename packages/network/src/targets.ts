import type { NodeId, Random } from "@murmur/base";
import { isUsable, NO_SUSPECTS, pickLeastConnections, type Suspects } from "@murmur/discovery";
import type { Endpoint, EndpointTable, PortProtocol, ServiceEndpoints, TaskId } from "@murmur/model";

/** A published port of the cluster. */
export interface PublishedPort {
  /** `PROTOCOL/PORT`: what it is known by. */
  readonly key: string;
  readonly protocol: PortProtocol;
  readonly port: number;
  /** The name of the service behind it, for people. */
  readonly service: string;
}

/** Where one connection goes. */
export interface Target {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
  /** The address of this machine to connect from; undefined: the kernel's choice. */
  readonly source?: string;
}

/** By a task's address, the address of this machine to connect from. */
export type SourceOf = (host: string) => string | undefined;

/** What a published port leads to. */
interface Route extends PublishedPort {
  readonly targetPort: number;
  /** Those that offer the port. */
  readonly endpoints: readonly Endpoint[];
}

/**
 * The one table that the proxies choose from, and how many connections each task has from this node. A choice is made
 * from the table of the moment by the port's key: no proxy keeps an answer, or the service behind its port, that could
 * go stale.
 */
export class Targets {
  readonly #random: Random;
  readonly #sourceOf: SourceOf;
  #routes: ReadonlyMap<string, Route> = new Map();
  #suspects: Suspects = NO_SUSPECTS;
  readonly #connections = new Map<TaskId, number>();
  /** Those who wait for a change; bounded by what the proxies let wait. */
  readonly #waiting = new Set<() => void>();
  #epoch = 0;

  constructor(random: Random, sourceOf: SourceOf = () => undefined) {
    this.#random = random;
    this.#sourceOf = sourceOf;
  }

  /** Raised by each change: what was found usable in one epoch is so until the next. */
  get epoch(): number {
    return this.#epoch;
  }

  update(table: EndpointTable): void {
    const routes = new Map<string, Route>();
    for (const service of table.services) {
      for (const published of service.published) {
        const route = routeOf(service, published);
        routes.set(route.key, route);
      }
    }
    this.#routes = routes;
    this.#changed();
  }

  avoid(suspects: Suspects): void {
    this.#suspects = suspects;
    this.#changed();
  }

  /** The ports that this node should be listening on. */
  published(): ReadonlyMap<string, PublishedPort> {
    return this.#routes;
  }

  /** The task for a new connection: the one with the fewest from here, of those not tried yet. */
  pick(key: string, tried: ReadonlySet<TaskId> = new Set()): Target | undefined {
    const route = this.#routes.get(key);
    if (route === undefined) return undefined;
    const candidates = { endpoints: route.endpoints, suspects: this.#suspects, tried };
    const chosen = pickLeastConnections(candidates, (id) => this.#connections.get(id) ?? 0, this.#random);
    const target = chosen && targetOf(chosen, route);
    const source = target && this.#sourceOf(target.host);
    return source === undefined ? target : target && { ...target, source };
  }

  /** Whether a port's task may still be sent something new: it is in the table, and nobody has taken it out since. */
  isUsable(key: string, id: TaskId): boolean {
    const endpoint = this.#routes.get(key)?.endpoints.find(({ taskId }) => taskId === id);
    return endpoint !== undefined && isUsable(endpoint, this.#suspects);
  }

  opened(id: TaskId): void {
    this.#connections.set(id, (this.#connections.get(id) ?? 0) + 1);
  }
  closed(id: TaskId): void {
    const left = (this.#connections.get(id) ?? 1) - 1;
    if (left > 0) this.#connections.set(id, left);
    else this.#connections.delete(id);
  }

  /** Calls back once, when the table or the suspects have changed. Returns how to wait no more. */
  onceChanged(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }

  #changed(): void {
    this.#epoch += 1;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

export const portKey = (protocol: PortProtocol, port: number): string => `${protocol}/${String(port)}`;

type PortRef = Pick<ServiceEndpoints["published"][number], "protocol" | "targetPort">;

function routeOf({ name, endpoints }: ServiceEndpoints, published: ServiceEndpoints["published"][number]): Route {
  const { protocol, targetPort, publishedPort: port } = published;
  const offering = endpoints.filter((endpoint) => hostPortOf(endpoint, published) !== undefined);
  return { key: portKey(protocol, port), protocol, port, service: name, targetPort, endpoints: offering };
}

const hostPortOf = (endpoint: Endpoint, { protocol, targetPort }: PortRef): number | undefined =>
  endpoint.ports.find((port) => port.protocol === protocol && port.targetPort === targetPort)?.hostPort;

function targetOf(endpoint: Endpoint, route: Route): Target | undefined {
  const port = hostPortOf(endpoint, route);
  if (port === undefined) return undefined;
  return { taskId: endpoint.taskId, nodeId: endpoint.nodeId, host: endpoint.address, port };
}
