import type { NodeId, Random } from "@murmur/base";
import type { Endpoint, EndpointTable, PortProtocol, ServiceId, TaskId } from "@murmur/model";
import { isUsable, NO_SUSPECTS, pickLeastConnections, type Suspects } from "@murmur/discovery";

/** A published port of the cluster, and where its traffic goes. */
export interface PublishedService {
  readonly serviceId: ServiceId;
  readonly name: string;
  readonly protocol: PortProtocol;
  readonly publishedPort: number;
  readonly targetPort: number;
}

/** Where one connection goes. */
export interface Target {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
}

/** Waits that `changed` wakes at once; more than any proxy lets wait. */
type Wake = () => void;

/**
 * The one table that the proxies choose from, and how many connections each task has from this node. Choosing looks at
 * the table of the moment: nothing is remembered that could go stale.
 */
export class Targets {
  readonly #random: Random;
  #published = new Map<string, PublishedService>();
  #endpoints = new Map<ServiceId, readonly Endpoint[]>();
  #suspects: Suspects = NO_SUSPECTS;
  readonly #connections = new Map<TaskId, number>();
  readonly #waiting = new Set<Wake>();

  constructor(random: Random) {
    this.#random = random;
  }

  update(table: EndpointTable): void {
    const published = new Map<string, PublishedService>();
    const endpoints = new Map<ServiceId, readonly Endpoint[]>();
    for (const service of table.services) {
      endpoints.set(service.serviceId, service.endpoints);
      for (const { protocol, targetPort, publishedPort } of service.published) {
        const { serviceId, name } = service;
        published.set(portKey(protocol, publishedPort), { serviceId, name, protocol, publishedPort, targetPort });
      }
    }
    this.#published = published;
    this.#endpoints = endpoints;
    this.#wakeAll();
  }

  avoid(suspects: Suspects): void {
    this.#suspects = suspects;
    this.#wakeAll();
  }

  /** The ports that this node should be listening on, by `portKey`. */
  published(): ReadonlyMap<string, PublishedService> {
    return this.#published;
  }

  /** The task for a new connection: the one with the fewest from here, of those not tried yet. */
  pick(service: PublishedService, tried: ReadonlySet<TaskId>): Target | undefined {
    const endpoints = this.#endpoints.get(service.serviceId) ?? [];
    const reachable = endpoints.filter((endpoint) => hostPortOf(endpoint, service) !== undefined);
    const candidates = { endpoints: reachable, suspects: this.#suspects, tried };
    const chosen = pickLeastConnections(candidates, (id) => this.#connections.get(id) ?? 0, this.#random);
    return chosen === undefined ? undefined : targetOf(chosen, service);
  }

  /** Whether a task may still be sent something new: it is in the table, and nobody has taken it out since. */
  isUsable(service: PublishedService, id: TaskId): boolean {
    const endpoint = this.#endpoints.get(service.serviceId)?.find(({ taskId }) => taskId === id);
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
  onceChanged(wake: Wake): () => void {
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }

  #wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

export const portKey = (protocol: PortProtocol, port: number): string => `${protocol}/${String(port)}`;

const hostPortOf = (endpoint: Endpoint, { protocol, targetPort }: PublishedService): number | undefined =>
  endpoint.ports.find((port) => port.protocol === protocol && port.targetPort === targetPort)?.hostPort;

function targetOf(endpoint: Endpoint, service: PublishedService): Target | undefined {
  const port = hostPortOf(endpoint, service);
  if (port === undefined) return undefined;
  return { taskId: endpoint.taskId, nodeId: endpoint.nodeId, host: endpoint.address, port };
}
