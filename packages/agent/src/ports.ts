import type {
  ClusterId,
  Health,
  Index,
  NetworkAddress,
  NodeDescription,
  NodePermissions,
  PublishedPort,
  ReportMessage,
  SessionMessage,
  Task,
  TaskId,
} from "@murmur/model";
import type { NodeId } from "@murmur/base";

/** Every call that leaves the process ends when its signal is aborted, by rejecting with the signal's reason. */
export interface Abortable {
  readonly signal: AbortSignal;
}

export interface PullOptions extends Abortable {
  /** Base64url of JSON; never shown. Left out: the registry is asked as anybody. */
  readonly login?: string;
}

/** What a container is made with beside its task: the facts of this node. */
export interface NodeContext {
  readonly nodeId: NodeId;
  readonly clusterId: ClusterId;
  /**
   * IP address that the other nodes reach this node's tasks at. In the `ports` data plane every target port is
   * published there with a host port that the engine chooses; in the `overlay` plane only ports in host mode are.
   */
  readonly dataAddress: string;
  readonly dataPlane: "ports" | "overlay";
  /** What this node's administrator permits; left out: nothing. */
  readonly permits?: NodePermissions;
  /** Resolver of the containers whose spec names none; left out: the engine's. */
  readonly dns?: { readonly nameservers: readonly string[]; readonly search: readonly string[] };
}

/** What the engine says of itself. */
export interface EngineInfo {
  readonly hostname: string;
  readonly os: string;
  /** As in an image's platform: `amd64`, `arm64`, … */
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly plugins: readonly { readonly kind: string; readonly name: string }[];
  /** What its configuration says that the node has beside CPU and memory; left out: nothing. */
  readonly generic?: NodeDescription["resources"]["generic"];
}

export interface ContainerRequest {
  readonly task: Task;
  readonly node: NodeContext;
  /** What `TaskNetworks.prepare` said; left out in the `ports` plane: the engine's default network. */
  readonly networks?: ContainerNetworks;
  /** The image to use: the spec's, or the same without its digest when only that one is on the node. */
  readonly image: string;
  /** Files of the engine's host to mount, read-only. */
  readonly files?: readonly { readonly source: string; readonly target: string }[];
}

/** A file that a task's container is to find: a secret or a config. */
export interface TaskFile {
  /** Its path in the container. */
  readonly target: string;
  readonly bytes: Uint8Array;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * Where files of tasks are kept on this node: in memory, and where the engine can mount them from. An error is a
 * `ClusterError` of one line; the task fails with it.
 */
export interface TaskFiles {
  /** Resolves to the paths on the engine's host, one for each file. Done twice it comes to the same. */
  write(task: TaskId, files: readonly TaskFile[], options: Abortable): Promise<readonly string[]>;
  /** Does nothing when there are none. */
  remove(task: TaskId): Promise<void>;
  /** The tasks that there are files of. */
  list(): Promise<readonly TaskId[]>;
}

/** One network of a container. */
export interface ContainerNetwork extends NetworkAddress {
  /** The engine's name of it. */
  readonly name: string;
  readonly mac: string;
  /** As `NetworkAttachment.driverOptions`. */
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/** A container's place in a network that the engine has of its own. */
export interface LocalPlace {
  /** The engine's name of it. */
  readonly name: string;
  /** What the engine's own DNS server answers there, beside the container's name. */
  readonly aliases: readonly string[];
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/** How a container is connected. */
export interface ContainerNetworks {
  /**
   * The container is made in the first one. Its default route is the engine's choice until it is attached: with Docker it
   * goes to the network whose name comes first, of those that are not internal.
   */
  readonly attached: readonly ContainerNetwork[];
  /** Networks that the engine has of its own, and gives addresses of itself. */
  readonly local?: readonly LocalPlace[];
  /** Path on the engine's host of a file to use as the container's `/etc/resolv.conf`; left out: the engine's own. */
  readonly resolvConf?: string;
}

/** Ranges are `ADDRESS/LENGTH`. */
interface EngineSubnet {
  readonly subnet: string;
  readonly gateway: string;
  /** What the engine may give addresses of to containers that name none; with the gateway alone it gives none. */
  readonly range: string;
  /** What it gives nobody, by names. */
  readonly auxiliary?: Readonly<Record<string, string>>;
}

/** A bridge network that the engine is to have. */
export interface EngineNetwork {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The bridge's interface on the host. */
  readonly bridge: string;
  readonly ipv4: EngineSubnet;
  readonly ipv6?: EngineSubnet;
  readonly mtu: number;
  readonly internal: boolean;
}

/** The overlay's side of a task's container; only a node in the `overlay` plane has one. */
export interface TaskNetworks {
  /**
   * Sees to it that the engine has the task's networks. Errors: `unavailable` when the engine doesn't answer, or this
   * node hasn't been told of a network yet; `failed_precondition` with the reason when the networks can't be had here.
   */
  prepare(task: Task, options: Abortable): Promise<ContainerNetworks>;
  /**
   * The task's container runs: connects it, and resolves once its traffic goes right, names, virtual addresses and all;
   * until then the task doesn't count as running. Also called for a container that was found running.
   */
  attach(task: Task, container: Container, options: Abortable): Promise<void>;
  /** The container that networks were prepared for, that was to be attached or was expected is gone or has no process any more. */
  detach(task: TaskId): void;
  /** Told once: the tasks whose containers run already when this node's agent begins. They will be attached, or detached. */
  expect(tasks: readonly TaskId[]): void;
  /**
   * Removes the engine's networks that none of these tasks needs and no container is in. `tasks` is asked anew before each
   * removal. Called from time to time, and when this node leaves its cluster.
   */
  tidy(tasks: () => readonly Task[], options: TidyOptions): Promise<void>;
}

export interface TidyOptions extends Abortable {
  /** This node is out of its cluster: its share of the networks' addresses may be another's, so no guest keeps one. */
  readonly isOut?: boolean;
}

/** `created` was never started; `exited` and `dead` have ended; the others may have a process. */
export type ContainerState = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** A container as the engine lists it. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  readonly health: Health;
  /** Unlike that of any other run of the container; left out where the engine shows none. */
  readonly run?: string;
}

/** A container as the engine shows it when asked for this one. */
export interface Container extends ContainerSummary {
  /** 0 when there is no process. */
  readonly pid: number;
  /** Of the last process that ended. */
  readonly exitCode: number;
  /** The engine's word on why it could not be started; empty when it could. */
  readonly error: string;
  readonly oomKilled: boolean;
  /** The container's own stop signal, else its image's; undefined: SIGTERM. */
  readonly stopSignal?: string;
  /** Path of its network namespace; left out when it has no process, or the engine's. */
  readonly netns?: string;
  /** It was never started and isn't in all of its networks: the call that made it has failed halfway. */
  readonly incomplete?: true;
  readonly ports: readonly PublishedPort[];
}

/** A volume of the engine's own driver, `local`. */
export interface EngineVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Something happened to a container; what exactly, an inspection tells. */
export interface ContainerEvent {
  readonly containerId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The engine's word: `start`, `die`, `oom`, `destroy`, `pause`, `health_status: unhealthy`, … */
  readonly action: string;
}

/**
 * The container engine of this node. Every error is a `ClusterError` whose message is the engine's own, in one line:
 *
 * - `unavailable`: the engine did not answer, or is shutting down. The call may still have had its effect.
 * - `not_found`: no such container, or no such image.
 * - `name_conflict`: the name is taken; `port_conflict`: the host port is; `in_use`: an address that it is to have is.
 * - `invalid_argument`, `failed_precondition`, `unsupported`: refused, and would be refused again.
 * - `internal`: the engine failed at it.
 */
export interface Runtime {
  /** Whether the engine answers; cheap. */
  ping(options: Abortable): Promise<void>;
  info(options: Abortable): Promise<EngineInfo>;
  /** Brings an image onto the node; resolves once it is there whole. `login`: X-Registry-Auth, as its registry is told. */
  pull(image: string, options: PullOptions): Promise<void>;
  /**
   * Makes the container of a task, named `taskName(task)`, with `containerLabels`, and returns its id. A network that isn't
   * there any more is `unavailable`.
   */
  create(request: ContainerRequest, options: Abortable): Promise<string>;
  /** Starts a container that was created; does nothing to one that runs. */
  start(containerId: string, options: Abortable): Promise<void>;
  /** Sends a signal (`SIGTERM`) to the container's process; `failed_precondition` when it has none. */
  kill(containerId: string, signalName: string, options: Abortable): Promise<void>;
  /** Removes a container, running or not, and its anonymous volumes. */
  remove(containerId: string, options: Abortable): Promise<void>;
  inspect(idOrName: string, options: Abortable): Promise<Container>;
  /** All containers, running or not, that carry all these labels. */
  list(labels: Readonly<Record<string, string>>, options: Abortable): Promise<readonly ContainerSummary[]>;
  /** All volumes of the driver `local`, whoever made them. */
  volumes(options: Abortable): Promise<readonly EngineVolume[]>;
  /**
   * Subscribes to what happens to containers with these labels. Once the promise has resolved nothing is missed until
   * the iteration ends, as it does, with or without an error, when the engine goes away or the signal is aborted.
   */
  events(labels: Readonly<Record<string, string>>, options: Abortable): Promise<AsyncIterable<ContainerEvent>>;
}

/** What an overlay node needs of the engine beside `Runtime`. The errors are those of `Runtime`. */
export interface NetworkRuntime {
  /** Makes the network unless there is one of this name with the same settings; one with others is made anew. */
  ensureNetwork(network: EngineNetwork, options: Abortable): Promise<void>;
  /** Does nothing when there is none. `failed_precondition` while containers are in it. */
  removeNetwork(name: string, options: Abortable): Promise<void>;
  /** Names of all networks that carry these labels. */
  networks(labels: Readonly<Record<string, string>>, options: Abortable): Promise<readonly string[]>;
}

/** A network that the engine is to make with settings of its own. */
export interface LocalNetwork {
  readonly name: string;
  readonly driver: string;
  readonly internal: boolean;
  /** The engine's network that has the settings. */
  readonly configFrom?: string;
}

/** What a node needs of the engine for tasks in networks of its own. The errors are those of `Runtime`. */
export interface LocalNetworkRuntime {
  /**
   * Makes the network unless there is one of this name; not to be called again before that. `not_found` where there is no
   * network `configFrom`.
   */
  ensureLocalNetwork(network: LocalNetwork, options: Abortable): Promise<void>;
  /** Names of all networks that were made so and whose names begin like that. */
  localNetworks(prefix: string, options: Abortable): Promise<readonly string[]>;
}

/** A running container that is in a network of the cluster, and is no task's. */
export interface EngineGuest extends NetworkAddress {
  /** The engine's name of the network. */
  readonly network: string;
  /** What its engine calls it there: its name, its aliases, its short id, its host name. */
  readonly names: readonly string[];
}

/** What an overlay node needs of the engine to know who is a guest in its networks. The errors are those of `Runtime`. */
export interface GuestRuntime {
  /** All guests of the networks that carry these labels. */
  guests(labels: Readonly<Record<string, string>>, options: Abortable): Promise<readonly EngineGuest[]>;
  /** Yields whenever a container was connected, disconnected or renamed; ends as `Runtime.events`. */
  guestEvents(options: Abortable): Promise<AsyncIterable<unknown>>;
  /** Takes out of a network every container that has a process in it; does nothing when there is no such network. */
  evict(network: string, options: EvictOptions): Promise<void>;
}

export interface EvictOptions extends Abortable {
  /** Tasks' containers stay: they are still to be stopped, and have addresses of their own. */
  readonly guestsOnly?: boolean;
}

/** Makes sessions with managers; each call may try another manager. */
export interface Sessions {
  /** Resolves with a session that a manager has accepted. `endpoints`: the version that is held of them; 0: none. */
  open(options: Abortable & { readonly endpoints: Index }): Promise<Session>;
}

/**
 * One session with one manager. The manager sends the endpoints beside those that are held and a full assignment first,
 * both no older than anything that this node was ever told: what the assignment doesn't list is stopped.
 */
export interface Session {
  /** Resolves when the transport has taken the report; rejects when the session is over. */
  send(report: ReportMessage): Promise<void>;
  /** Ends, with or without an error, when the session is over. Read by one reader. */
  readonly messages: AsyncIterable<SessionMessage>;
  /** Ends the session and with it `messages`. */
  close(): void;
}

/** Small records that outlive the process. `put` resolves once the value is durable. */
export interface KeyValue {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
}

/** How traffic is told to leave a task at once, without waiting for a quorum. */
export interface Withdrawals {
  /** Tells every node that this task must not be sent anything any more. Best effort; does not wait. */
  publish(task: TaskId): void;
  /** Resolves when all live nodes have stopped sending to the task; the caller bounds the wait by the signal. */
  acknowledged(task: TaskId, options: Abortable): Promise<void>;
}
