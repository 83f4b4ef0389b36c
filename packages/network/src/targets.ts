import type { Clock, NodeId, Random } from "@murmur/base";
import { isUsable, localFirst, NO_SUSPECTS, type Suspects } from "@murmur/discovery";
import type { Balancing, Endpoint, EndpointTable, PortProtocol, ServiceEndpoints, TaskId } from "@murmur/model";
import { makeBalancer, type Balancer } from "./balancer.ts";
import { portText } from "./listen-error.ts";
import type { PublishedPort } from "./published-port.ts";

/** Where one connection goes. */
export interface Target {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
  /** The address of this machine to connect from; undefined: the kernel's choice. */
  readonly source?: string;
  /** Whether the task is told who the client is, by the PROXY protocol. */
  readonly proxyProtocol: boolean;
  /** Whether `answered` wants to know how long the task takes. */
  readonly isTimed: boolean;
}

/** By a task's address, the address of this machine to connect from. */
type SourceOf = (host: string) => string | undefined;

/** Whom a task is wanted for. */
export interface Wish {
  readonly clientAddress: () => string;
  /** Those that were tried already, in vain. */
  readonly tried?: ReadonlySet<TaskId>;
}

export interface TargetsOptions {
  /** This node, whose tasks are the local ones. */
  readonly self: NodeId;
  readonly random: Random;
  readonly clock: Clock;
  readonly sourceOf?: SourceOf;
}

/** What a published port leads to. */
interface Route extends PublishedPort {
  readonly targetPort: number;
  /** Those that offer the port. */
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
}

/** What the proxies do best; no choice that was asked for. */
const DEFAULT_BALANCING: Balancing = "least-conn";
const NONE: ReadonlySet<TaskId> = new Set();

/**
 * The one table that the proxies choose from, and how many connections each task has from this node. A choice is made
 * from the table of the moment by the port's key: no proxy keeps an answer, or the service behind its port, that could
 * go stale.
 */
export class Targets {
  readonly #options: TargetsOptions;
  #routes: ReadonlyMap<string, Route> = new Map();
  #suspects: Suspects = NO_SUSPECTS;
  readonly #connections = new Map<TaskId, number>();
  /** Those who wait for a change; bounded by what the proxies let wait. */
  readonly #waiting = new Set<() => void>();
  #epoch = 0;

  constructor(options: TargetsOptions) {
    this.#options = options;
  }

  /** Raised by each change: what was found usable in one epoch is so until the next. */
  get epoch(): number {
    return this.#epoch;
  }

  update(table: EndpointTable): void {
    const routes = new Map<string, Route>();
    for (const service of table.services) {
      for (const published of service.published) {
        const route = this.#routeOf(service, published);
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

  /** The task for a new connection, as the port's balancing chooses, of those not tried yet. */
  pick(key: string, { clientAddress, tried = NONE }: Wish): Target | undefined {
    const route = this.#routes.get(key);
    if (route === undefined) return undefined;
    const all = { endpoints: route.endpoints, suspects: this.#suspects, tried };
    const candidates = route.localFirst === true ? localFirst(all, this.#options.self) : all;
    const chosen = route.balancer.pick(candidates, clientAddress);
    return chosen && this.#targetOf(chosen, route);
  }

  /** Whether a port has a task that may be sent something new and was not tried yet. */
  hasAnother(key: string, tried: ReadonlySet<TaskId>): boolean {
    const endpoints = this.#routes.get(key)?.endpoints ?? [];
    return endpoints.some((endpoint) => !tried.has(endpoint.taskId) && isUsable(endpoint, this.#suspects));
  }

  /** Whether a port's task may still be sent something new: it is in the table, and nobody has taken it out since. */
  isUsable(key: string, id: TaskId): boolean {
    const endpoint = this.#routes.get(key)?.endpoints.find(({ taskId }) => taskId === id);
    return endpoint !== undefined && isUsable(endpoint, this.#suspects);
  }

  opened(id: TaskId): void {
    this.#connections.set(id, this.#connectionsOf(id) + 1);
  }
  closed(id: TaskId): void {
    const left = this.#connectionsOf(id) - 1;
    if (left > 0) this.#connections.set(id, left);
    else this.#connections.delete(id);
  }

  /** How long a task took to begin its answer, connecting included. One that has gone since is not remembered. */
  answered(key: string, id: TaskId, ms: number): void {
    const route = this.#routes.get(key);
    if (route?.endpoints.some(({ taskId }) => taskId === id) === true) route.balancer.answered?.(id, ms);
  }

  /** Calls back once, when the table or the suspects have changed. Returns how to wait no more. */
  onceChanged(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }

  #connectionsOf(id: TaskId): number {
    return this.#connections.get(id) ?? 0;
  }

  /** A port that is balanced as before remembers what it knew of the tasks that it still has. */
  #routeOf(
    { name, endpoints }: ServiceEndpoints,
    { protocol, targetPort, publishedPort: port, ...options }: ServiceEndpoints["published"][number],
  ): Route {
    const key = portKey(protocol, port, options.hostIp);
    const before = this.#routes.get(key);
    const offering = endpoints.filter((endpoint) => hostPortOf(endpoint, { protocol, targetPort }) !== undefined);
    const isAsBefore = before !== undefined && before.balancing === options.balancing;
    const balancer = isAsBefore ? before.balancer : this.#newBalancer(options.balancing);
    balancer.keepOnly?.(new Set(offering.map(({ taskId }) => taskId)));
    return { ...options, key, protocol, port, service: name, targetPort, endpoints: offering, balancer };
  }

  #newBalancer(balancing: Balancing = DEFAULT_BALANCING): Balancer {
    const { random, clock } = this.#options;
    return makeBalancer(balancing, { random, clock, connections: (id) => this.#connectionsOf(id) });
  }

  #targetOf(endpoint: Endpoint, route: Route): Target | undefined {
    const { taskId, nodeId, address: host } = endpoint;
    const port = hostPortOf(endpoint, route);
    if (port === undefined) return undefined;
    const source = this.#options.sourceOf?.(host);
    const { proxyProtocol = false, balancer } = route;
    const isTimed = balancer.answered !== undefined;
    return { taskId, nodeId, host, port, ...(source !== undefined && { source }), proxyProtocol, isTimed };
  }

  #changed(): void {
    this.#epoch += 1;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

const portKey = (protocol: PortProtocol, port: number, hostIp: string | undefined): string =>
  `${protocol}/${portText(port, hostIp)}`;

type PortRef = Pick<ServiceEndpoints["published"][number], "protocol" | "targetPort">;

const hostPortOf = (endpoint: Endpoint, { protocol, targetPort }: PortRef): number | undefined =>
  endpoint.ports.find((port) => port.protocol === protocol && port.targetPort === targetPort)?.hostPort;
