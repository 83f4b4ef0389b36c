import type { Duplex } from "node:stream";
import { ClusterError, messageOf } from "@murmur/base";
import type { DistributionInspect } from "../docker/distribution-types.ts";
import type { NetworkCreate, NetworkCreated, NetworkResource, NetworksPruned } from "../docker/network-types.ts";
import type { Node, NodeSpec } from "../docker/node-types.ts";
import type { Config, PayloadCreate, PayloadCreated, Secret } from "../docker/payload-types.ts";
import type { Service, ServiceCreated, ServiceSpec, ServiceUpdated } from "../docker/service-types.ts";
import type { Info, Swarm, SwarmSpec, UnlockKey, VersionInfo } from "../docker/swarm-types.ts";
import type { Task } from "../docker/task-types.ts";
import type {
  ClusterEvent,
  ClusterInitAnswer,
  ClusterInitBody,
  ClusterSummary,
  ClusterVolume,
  CreatedVolume,
  DoctorReport,
  HealthAnswer,
  GossipKeyAnswer,
  JoinTokenAnswer,
  NodeJoinAnswer,
  NodeJoinBody,
  RecoveryPlan,
  RestoreAnswer,
  RestoreBody,
  SecretsKeyAnswer,
  SecretsKeyRotationAnswer,
  ServiceDryRun,
  ServiceExplanation,
  Rebalance,
  TaskExplanation,
  StatsAnswer,
  VolumeCreate,
  VolumeDetail,
} from "../murmur-types.ts";
import type { DockerEvent } from "../events/swarm-event.ts";
import type {
  Cancellable,
  DockerEventOptions,
  EventOptions,
  ExecConfig,
  ExecName,
  ExecState,
  Filters,
  ListOptions,
  LogOptions,
  MurmurClientOptions,
} from "./client-options.ts";
import { parseDaemonAddress } from "./daemon-address.ts";
import { readEvents } from "./event-stream.ts";
import { HttpConnection, type CallOptions } from "./http-connection.ts";

/** The whole state is sent, read and written. */
const LONG_TIMEOUT_MS = 600_000;
/** The engine removes its own one by one. */
const PRUNE_TIMEOUT_MS = 150_000;
/** All nodes look at all that they have. */
const DOCTOR_TIMEOUT_MS = 150_000;
/** A registry that is slower than that is told of as one that can't be reached. */
const REGISTRY_TIMEOUT_MS = 20_000;
/** Joining waits for the cluster: certificates, a connection, the first replica. */
const JOIN_TIMEOUT_MS = 90_000;

/**
 * The typed client of a daemon's API. Objects are Docker's shapes. Every method rejects with a `ClusterError` that has
 * the daemon's own message, or says that the daemon isn't running.
 */
export class MurmurClient implements Disposable {
  readonly #http: HttpConnection;

  constructor(options: MurmurClientOptions) {
    this.#http = new HttpConnection(parseDaemonAddress(options.host), {
      timeoutMs: options.timeoutMs ?? 30_000,
      tls: options.tls,
    });
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
  secretsKey(options: Cancellable = {}): Promise<SecretsKeyAnswer> {
    return this.#call("/murmur/cluster/secrets-key", options);
  }
  secretsKeyRotation(options: Cancellable = {}): Promise<SecretsKeyRotationAnswer> {
    return this.#call("/murmur/secrets-key", options);
  }
  rotateSecretsKey(options: Cancellable = {}): Promise<SecretsKeyRotationAnswer> {
    return this.#post("/murmur/secrets-key/rotate", {}, options);
  }
  joinToken(options: Cancellable = {}): Promise<JoinTokenAnswer> {
    return this.#call("/murmur/join-token", options);
  }
  rotateJoinToken(options: Cancellable = {}): Promise<JoinTokenAnswer> {
    return this.#post("/murmur/join-token/rotate", {}, options);
  }
  gossipKey(options: Cancellable = {}): Promise<GossipKeyAnswer> {
    return this.#call("/murmur/gossip-key", options);
  }
  rotateGossipKey(options: Cancellable = {}): Promise<GossipKeyAnswer> {
    return this.#post("/murmur/gossip-key/rotate", {}, options);
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
  async updateSwarm(
    version: number,
    spec: SwarmSpec,
    { rotateUnlockKey, ...options }: Cancellable & { readonly rotateUnlockKey?: boolean } = {},
  ): Promise<void> {
    const rotate = rotateUnlockKey === true ? "&rotateManagerUnlockKey=true" : "";
    await this.#post(`/swarm/update?version=${String(version)}${rotate}`, spec, options);
  }
  /** What locked managers are unlocked with; empty where autolock is off. */
  async unlockKey(options: Cancellable = {}): Promise<string> {
    return (await this.#call<UnlockKey>("/swarm/unlockkey", options)).UnlockKey;
  }
  /** Opens what the asked node has on its disk; it takes its place in the cluster up again. */
  async unlock(key: string, options: Cancellable = {}): Promise<void> {
    await this.#post("/swarm/unlock", { UnlockKey: key }, { ...options, timeoutMs: JOIN_TIMEOUT_MS });
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
  /** By id, name or the beginning of an id. With `insertDefaults` its spec says what holds though nobody named it, too. */
  service(id: string, options: Cancellable & { readonly insertDefaults?: boolean } = {}): Promise<Service> {
    const insertDefaults = options.insertDefaults === true ? "true" : undefined;
    return this.#call(`/services/${encodeURIComponent(id)}${query({ insertDefaults })}`, options);
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
  /** What a registry says of an image, as the engine of the asked node sees it. */
  distribution(image: string, options: Cancellable & RegistryAuth = {}): Promise<DistributionInspect> {
    const call = { ...options, headers: authHeader(options), timeoutMs: REGISTRY_TIMEOUT_MS };
    // The engine reads the slashes and colons of an image's name as they are.
    return this.#call(`/distribution/${image}/json`, call);
  }
  /** What creating a service of this spec would come to; with `update`, updating that one. Changes nothing. */
  dryRunService(
    spec: ServiceSpec,
    update?: { readonly id: string; readonly version: number; readonly rollback?: boolean },
    options: Cancellable = {},
  ): Promise<ServiceDryRun> {
    const rollback = update?.rollback === true ? "previous" : undefined;
    const asked = update && { service: update.id, version: String(update.version), rollback };
    return this.#post(`/murmur/services/dry-run${query(asked ?? {})}`, spec, options);
  }
  async removeService(id: string, options: Cancellable = {}): Promise<void> {
    await this.#call(`/services/${encodeURIComponent(id)}`, { ...options, method: "DELETE" });
  }

  tasks(options: ListOptions = {}): Promise<Task[]> {
    return this.#call(`/tasks${query({ filters: options.filters })}`, options);
  }
  /** What the tasks of a service have written, as Docker multiplexes it (see `readFrames`); of a terminal, the bytes. */
  serviceLogs(id: string, options: LogOptions): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#logs(`/services/${encodeURIComponent(id)}/logs`, options);
  }
  taskLogs(id: string, options: LogOptions): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#logs(`/tasks/${encodeURIComponent(id)}/logs`, options);
  }
  async *#logs(path: string, options: LogOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const { follow, timestamps, details, tail, since, signal } = options;
    const flag = (set: boolean | undefined): string | undefined => (set === true ? "1" : undefined);
    const flags = { follow: flag(follow), timestamps: flag(timestamps), details: flag(details) };
    const wanted = query({ stdout: "1", stderr: "1", ...flags, tail, since });
    const answer = await this.#http.stream(path + wanted, { signal });
    try {
      for await (const piece of answer) yield piece as Uint8Array;
    } catch (error) {
      if (signal.aborted) return;
      throw new ClusterError("unavailable", `the logs broke off: ${messageOf(error)}`, { cause: error });
    }
  }
  /** What tasks have used so far: of these services, or of these nodes, or of all nodes. */
  stats(
    { services = [], nodes = [] }: { readonly services?: readonly string[]; readonly nodes?: readonly string[] },
    options: Cancellable = {},
  ): Promise<StatsAnswer> {
    const search = new URLSearchParams();
    for (const service of services) search.append("service", service);
    for (const node of nodes) search.append("node", node);
    return this.#call(`/murmur/stats?${search.toString()}`, options);
  }
  /** Prepares a command in a task's container; its id, by which it is started. */
  async createExec(task: string, config: ExecConfig, options: Cancellable = {}): Promise<string> {
    const { Id } = await this.#post<{ readonly Id: string }>(execPath(task), config, options);
    return Id;
  }
  /** Starts it. The connection is its input and output: with a terminal the bytes, else frames (see `readFrames`). */
  startExec(exec: ExecName, options: { readonly tty: boolean; readonly signal: AbortSignal }): Promise<Duplex> {
    return this.#http.takeOver(
      `${execPath(exec.task, exec.id)}/start${query({ tty: options.tty ? "1" : "0" })}`,
      options,
    );
  }
  async startExecDetached(exec: ExecName, options: Cancellable = {}): Promise<void> {
    await this.#call(`${execPath(exec.task, exec.id)}/start?detach=1`, { ...options, method: "POST" });
  }
  exec(exec: ExecName, options: Cancellable = {}): Promise<ExecState> {
    return this.#call(execPath(exec.task, exec.id), options);
  }
  async resizeExec(exec: ExecName, size: { readonly rows: number; readonly columns: number }): Promise<void> {
    const asked = query({ h: String(size.rows), w: String(size.columns) });
    await this.#call(`${execPath(exec.task, exec.id)}/resize${asked}`, { method: "POST" });
  }
  async killExec(exec: ExecName, signalName: string): Promise<void> {
    await this.#call(`${execPath(exec.task, exec.id)}/kill${query({ signal: signalName })}`, { method: "POST" });
  }
  /** The volumes on the nodes' own disks that the cluster knows, of one node or of all. */
  volumes(
    { node, unused }: { readonly node?: string; readonly unused?: boolean } = {},
    options: Cancellable = {},
  ): Promise<ClusterVolume[]> {
    return this.#call(`/murmur/volumes${query({ node, unused: unused === true ? "1" : undefined })}`, options);
  }
  /** One for each node that has a volume of this name, or of the named node. */
  volume(name: string, { node }: { readonly node?: string } = {}, options: Cancellable = {}): Promise<VolumeDetail[]> {
    return this.#call(`/murmur/volumes/${encodeURIComponent(name)}${query({ node })}`, options);
  }
  createVolume(body: VolumeCreate, options: Cancellable = {}): Promise<CreatedVolume> {
    return this.#post("/murmur/volumes/create", body, options);
  }
  /** Refused while a task uses it, and when several nodes have one and none is named. */
  async removeVolume(
    name: string,
    { node, force }: { readonly node?: string; readonly force?: boolean } = {},
    options: Cancellable = {},
  ): Promise<void> {
    const where = query({ node, force: force === true ? "1" : undefined });
    await this.#call(`/murmur/volumes/${encodeURIComponent(name)}${where}`, { ...options, method: "DELETE" });
  }
  /** Why a task stands where it does; `web.1` is the one that is in this slot now. */
  explainTask(id: string, options: Cancellable = {}): Promise<TaskExplanation> {
    return this.#call(`/murmur/tasks/${encodeURIComponent(id)}/explain`, options);
  }
  /** Moves tasks to where they would be placed if they were new; of all replicated services when none is named. */
  rebalance(
    request: { readonly services?: readonly string[]; readonly dryRun: boolean },
    options: Cancellable = {},
  ): Promise<Rebalance> {
    const { services, dryRun } = request;
    return this.#post(`/murmur/rebalance${dryRun ? "?dryRun=1" : ""}`, { ...(services && { services }) }, options);
  }
  /** Why a service stands where it does. */
  explainService(id: string, options: Cancellable = {}): Promise<ServiceExplanation> {
    return this.#call(`/murmur/services/${encodeURIComponent(id)}/explain`, options);
  }
  /** By id, name or the beginning of an id. */
  task(id: string, options: Cancellable = {}): Promise<Task> {
    return this.#call(`/tasks/${encodeURIComponent(id)}`, options);
  }
  secrets(options: ListOptions = {}): Promise<Secret[]> {
    return this.#call(`/secrets${query({ filters: options.filters })}`, options);
  }
  /** By id, name or the beginning of an id. */
  secret(id: string, options: Cancellable = {}): Promise<Secret> {
    return this.#call(`/secrets/${encodeURIComponent(id)}`, options);
  }
  createSecret(body: PayloadCreate, options: Cancellable = {}): Promise<PayloadCreated> {
    return this.#post("/secrets/create", body, options);
  }
  async removeSecret(id: string, options: Cancellable = {}): Promise<void> {
    await this.#call(`/secrets/${encodeURIComponent(id)}`, { ...options, method: "DELETE" });
  }

  configs(options: ListOptions = {}): Promise<Config[]> {
    return this.#call(`/configs${query({ filters: options.filters })}`, options);
  }
  /** By id, name or the beginning of an id. */
  config(id: string, options: Cancellable = {}): Promise<Config> {
    return this.#call(`/configs/${encodeURIComponent(id)}`, options);
  }
  createConfig(body: PayloadCreate, options: Cancellable = {}): Promise<PayloadCreated> {
    return this.#post("/configs/create", body, options);
  }
  async removeConfig(id: string, options: Cancellable = {}): Promise<void> {
    await this.#call(`/configs/${encodeURIComponent(id)}`, { ...options, method: "DELETE" });
  }

  networks(options: ListOptions = {}): Promise<NetworkResource[]> {
    return this.#call(`/networks${query({ filters: options.filters })}`, options);
  }
  /** The networks that a service may be in: the cluster's, and those that each node has of itself. */
  serviceNetworks(options: Cancellable = {}): Promise<NetworkResource[]> {
    return this.#call(`/networks${query({ filters: { scope: ["swarm"] }, nodeNetworks: "true" })}`, options);
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

  /** Docker's events: of the cluster, and of the asked node's engine; with `since` also those that are remembered. */
  async *dockerEvents(options: DockerEventOptions): AsyncGenerator<DockerEvent, void, undefined> {
    const { filters, since, until, signal } = options;
    const answer = await this.#http.stream(`/events${query({ filters, since, until })}`, { signal });
    answer.setEncoding("utf8");
    let rest = "";
    try {
      for await (const text of answer) {
        const lines = (rest + String(text)).split("\n");
        rest = lines.pop() ?? "";
        // Written by the daemon, or by the engine behind it.
        for (const line of lines) if (line !== "") yield JSON.parse(line) as DockerEvent;
      }
    } catch (error) {
      if (signal.aborted) return;
      throw new ClusterError("unavailable", `lost the daemon's events: ${messageOf(error)}`, { cause: error });
    }
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

const execPath = (task: string, exec?: string): string =>
  `/murmur/tasks/${encodeURIComponent(task)}/exec${exec === undefined ? "" : `/${exec}`}`;

function query(fields: Readonly<Record<string, string | Filters | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) search.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return search.size === 0 ? "" : `?${search.toString()}`;
}
