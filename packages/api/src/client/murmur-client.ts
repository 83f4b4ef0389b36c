import { ClusterError, messageOf } from "@murmur/base";
import type { NetworkCreate, NetworkCreated, NetworkResource, NetworksPruned } from "../docker/network-types.ts";
import type { Node, NodeSpec } from "../docker/node-types.ts";
import type { Service, ServiceCreated, ServiceSpec, ServiceUpdated } from "../docker/service-types.ts";
import type { Info, Swarm, SwarmSpec, VersionInfo } from "../docker/swarm-types.ts";
import type { Task } from "../docker/task-types.ts";
import type {
  ClusterEvent,
  ClusterInitAnswer,
  ClusterInitBody,
  ClusterSummary,
  DoctorReport,
  EventKind,
  HealthAnswer,
  JoinTokenAnswer,
  NodeJoinAnswer,
  NodeJoinBody,
  RecoveryPlan,
  RestoreAnswer,
  RestoreBody,
} from "../murmur-types.ts";
import { parseDaemonAddress } from "./daemon-address.ts";
import { readEvents } from "./event-stream.ts";
import { HttpConnection, type CallOptions } from "./http-connection.ts";

export interface MurmurClientOptions {
  /** `unix:///path`, `/path` or `tcp://host:port`. */
  readonly host: string;
  /** For a whole answer; 30 s when left out. */
  readonly timeoutMs?: number;
}

export interface Cancellable {
  readonly signal?: AbortSignal | undefined;
}

/** Docker's list filters: for each name the wanted values. */
export type Filters = Readonly<Record<string, readonly string[]>>;
export interface ListOptions extends Cancellable {
  readonly filters?: Filters;
}

export interface EventOptions {
  /** Only this service, its tasks, and no nodes or networks. An id, not a name. */
  readonly service?: string;
  readonly kinds?: readonly EventKind[];
  readonly signal: AbortSignal;
}

/** The whole state is sent, read and written. */
const LONG_TIMEOUT_MS = 600_000;
/** The engine removes its own one by one. */
const PRUNE_TIMEOUT_MS = 150_000;
/** All nodes look at all that they have. */
const DOCTOR_TIMEOUT_MS = 150_000;
/** Joining waits for the cluster: certificates, a connection, the first replica. */
const JOIN_TIMEOUT_MS = 90_000;

/**
 * The typed client of a daemon's API. Objects are Docker's shapes. Every method rejects with a `ClusterError` that has
 * the daemon's own message, or says that the daemon isn't running.
 */
export class MurmurClient implements Disposable {
  readonly #http: HttpConnection;

  constructor(options: MurmurClientOptions) {
    this.#http = new HttpConnection(parseDaemonAddress(options.host), options.timeoutMs ?? 30_000);
  }

  /** Resolves when the daemon answers. */
  async ping(options: Cancellable = {}): Promise<void> {
    await this.#call<string>("/_ping", options);
  }
  version(options: Cancellable = {}): Promise<VersionInfo> {
    return this.#call("/version", options);
  }
  info(options: Cancellable = {}): Promise<Info> {
    return this.#call("/info", options);
  }

  initCluster(body: ClusterInitBody, options: Cancellable = {}): Promise<ClusterInitAnswer> {
    return this.#post("/murmur/cluster/init", body, { ...options, timeoutMs: JOIN_TIMEOUT_MS });
  }
  joinCluster(body: NodeJoinBody, options: Cancellable = {}): Promise<NodeJoinAnswer> {
    return this.#post("/murmur/node/join", body, { ...options, timeoutMs: JOIN_TIMEOUT_MS });
  }
  async leaveCluster(request: { readonly force: boolean }, options: Cancellable = {}): Promise<void> {
    await this.#post("/murmur/cluster/leave", request, { ...options, timeoutMs: JOIN_TIMEOUT_MS });
  }
  cluster(options: Cancellable = {}): Promise<ClusterSummary> {
    return this.#call("/murmur/cluster", options);
  }
  /** What a recovery on the asked node would do, and what it would lose. Changes nothing. */
  recoveryPlan(options: Cancellable = {}): Promise<RecoveryPlan> {
    return this.#call("/murmur/cluster/recovery", options);
  }
  /** Makes the asked node the cluster's only manager. Answers what was done. */
  recover(request: { readonly force: boolean }, options: Cancellable = {}): Promise<RecoveryPlan> {
    return this.#post("/murmur/cluster/recovery", request, { ...options, timeoutMs: LONG_TIMEOUT_MS });
  }
  /** What the data plane of every node lacks, or of those that are named (`self` is the asked one); with `repair` it is mended, and the answer is what was found. */
  doctor(
    { repair, nodes = [] }: { readonly repair: boolean; readonly nodes?: readonly string[] },
    options: Cancellable = {},
  ): Promise<DoctorReport> {
    const call = { ...options, timeoutMs: DOCTOR_TIMEOUT_MS };
    const search = new URLSearchParams(nodes.map((node): [string, string] => ["node", node]));
    const named = search.size === 0 ? "" : `?${search.toString()}`;
    if (repair) return this.#post(`/murmur/doctor/repair${named}`, {}, call);
    return this.#call(`/murmur/doctor${named}`, call);
  }
  /** The cluster's state as a file, as it is made; see `openBackup`. It holds the cluster's secrets. */
  async *backup(options: { readonly signal: AbortSignal }): AsyncGenerator<Uint8Array, void, undefined> {
    const answer = await this.#http.stream("/murmur/cluster/backup", options);
    try {
      for await (const chunk of answer) yield chunk as Uint8Array;
    } catch (error) {
      if (options.signal.aborted) throw new ClusterError("cancelled", "cancelled", { cause: error });
      throw new ClusterError("unavailable", `the backup broke off: ${messageOf(error)}`, { cause: error });
    }
  }
  /** Starts the cluster of a backup anew on the asked node, which must be in none. */
  restore(backup: AsyncIterable<Uint8Array>, body: RestoreBody, options: Cancellable = {}): Promise<RestoreAnswer> {
    const path = `/murmur/cluster/restore${query({ options: JSON.stringify(body) })}`;
    return this.#call(path, { ...options, method: "POST", bytes: backup, timeoutMs: LONG_TIMEOUT_MS });
  }
  joinToken(options: Cancellable = {}): Promise<JoinTokenAnswer> {
    return this.#call("/murmur/join-token", options);
  }
  rotateJoinToken(options: Cancellable = {}): Promise<JoinTokenAnswer> {
    return this.#post("/murmur/join-token/rotate", {}, options);
  }
  /** A degraded daemon answers too. */
  health(options: Cancellable = {}): Promise<HealthAnswer> {
    return this.#call("/murmur/health?verdict=body", options);
  }
  /** Prometheus' text format. */
  metrics(options: Cancellable = {}): Promise<string> {
    return this.#call("/murmur/metrics", options);
  }

  swarm(options: Cancellable = {}): Promise<Swarm> {
    return this.#call("/swarm", options);
  }
  async updateSwarm(version: number, spec: SwarmSpec, options: Cancellable = {}): Promise<void> {
    await this.#post(`/swarm/update?version=${String(version)}`, spec, options);
  }

  nodes(options: ListOptions = {}): Promise<Node[]> {
    return this.#call(`/nodes${query({ filters: options.filters })}`, options);
  }
  /** By id, name, host name or the beginning of an id. */
  node(id: string, options: Cancellable = {}): Promise<Node> {
    return this.#call(`/nodes/${encodeURIComponent(id)}`, options);
  }
  async updateNode(id: string, version: number, spec: NodeSpec, options: Cancellable = {}): Promise<void> {
    await this.#post(`/nodes/${encodeURIComponent(id)}/update?version=${String(version)}`, spec, options);
  }
  async removeNode(id: string, request: { readonly force: boolean }, options: Cancellable = {}): Promise<void> {
    const path = `/nodes/${encodeURIComponent(id)}${query({ force: request.force ? "1" : undefined })}`;
    await this.#call(path, { ...options, method: "DELETE" });
  }

  /** With `status`, each has its `ServiceStatus`. */
  services(options: ListOptions & { readonly status?: boolean } = {}): Promise<Service[]> {
    const status = options.status === true ? "true" : undefined;
    return this.#call(`/services${query({ filters: options.filters, status })}`, options);
  }
  /** By id, name or the beginning of an id. */
  service(id: string, options: Cancellable = {}): Promise<Service> {
    return this.#call(`/services/${encodeURIComponent(id)}`, options);
  }
  createService(spec: ServiceSpec, options: Cancellable & RegistryAuth = {}): Promise<ServiceCreated> {
    return this.#post("/services/create", spec, { ...options, headers: authHeader(options) });
  }
  /** Rejects with `out_of_date` when the service is not at `version` any more. */
  updateService(
    id: string,
    change: { readonly version: number; readonly spec: ServiceSpec },
    options: Cancellable & RegistryAuth = {},
  ): Promise<ServiceUpdated> {
    const path = `/services/${encodeURIComponent(id)}/update?version=${String(change.version)}`;
    return this.#post(path, change.spec, { ...options, headers: authHeader(options) });
  }
  /** Goes back to the spec before the last update. */
  rollbackService(
    id: string,
    change: { readonly version: number; readonly spec: ServiceSpec },
    options: Cancellable = {},
  ): Promise<ServiceUpdated> {
    const path = `/services/${encodeURIComponent(id)}/update?version=${String(change.version)}&rollback=previous`;
    return this.#post(path, change.spec, options);
  }
  async removeService(id: string, options: Cancellable = {}): Promise<void> {
    await this.#call(`/services/${encodeURIComponent(id)}`, { ...options, method: "DELETE" });
  }

  tasks(options: ListOptions = {}): Promise<Task[]> {
    return this.#call(`/tasks${query({ filters: options.filters })}`, options);
  }
  /** By id, name or the beginning of an id. */
  task(id: string, options: Cancellable = {}): Promise<Task> {
    return this.#call(`/tasks/${encodeURIComponent(id)}`, options);
  }
  networks(options: ListOptions = {}): Promise<NetworkResource[]> {
    return this.#call(`/networks${query({ filters: options.filters })}`, options);
  }
  /** By id, name or the beginning of an id; with `verbose` it has its `Services`. */
  network(id: string, options: Cancellable & { readonly verbose?: boolean } = {}): Promise<NetworkResource> {
    const verbose = options.verbose === true ? "true" : undefined;
    return this.#call(`/networks/${encodeURIComponent(id)}${query({ verbose })}`, options);
  }
  createNetwork(body: NetworkCreate, options: Cancellable = {}): Promise<NetworkCreated> {
    return this.#post("/networks/create", body, options);
  }
  async removeNetwork(id: string, options: Cancellable = {}): Promise<void> {
    await this.#call(`/networks/${encodeURIComponent(id)}`, { ...options, method: "DELETE" });
  }
  /** Removes the networks that nothing is in, of the cluster and of the asked node's engine. */
  pruneNetworks(options: ListOptions = {}): Promise<NetworksPruned> {
    const path = `/networks/prune${query({ filters: options.filters })}`;
    return this.#call(path, { ...options, method: "POST", timeoutMs: PRUNE_TIMEOUT_MS });
  }

  /**
   * What there is, then what changes, for as long as it is read; see `ClusterEvent`. Leaving the loop or aborting the
   * signal ends it.
   */
  async *events(options: EventOptions): AsyncGenerator<ClusterEvent, void, undefined> {
    const kinds = options.kinds?.join(",");
    const answer = await this.#http.stream(`/murmur/events${query({ service: options.service, kinds })}`, options);
    try {
      yield* readEvents(answer);
    } catch (error) {
      if (!options.signal.aborted) throw error;
    }
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }

  async #call<T>(path: string, options: CallOptions): Promise<T> {
    // The server of this package made it, and its tests hold it to these types.
    return (await this.#http.call(path, options)) as T;
  }
  #post<T>(path: string, body: unknown, options: CallOptions): Promise<T> {
    return this.#call<T>(path, { ...options, method: "POST", body });
  }
}

export interface RegistryAuth {
  /** What Docker calls X-Registry-Auth: base64url of JSON. */
  readonly registryAuth?: string;
}

const authHeader = (options: RegistryAuth): Record<string, string> =>
  options.registryAuth === undefined ? {} : { "x-registry-auth": options.registryAuth };

function query(fields: Readonly<Record<string, string | Filters | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) search.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return search.size === 0 ? "" : `?${search.toString()}`;
}
