import type { Duplex } from "node:stream";
import type { Clock, Log, Millis, NodeId } from "@murmur/base";
import type {
  AddressPool,
  Availability,
  Cluster as ClusterRecord,
  ClusterSpec,
  DataPlaneKind,
  Guest,
  Index,
  NamedGossipKey,
  NetworkId,
  NextRoot,
  SealKeyName,
  Secret,
  Service,
  Task,
  UserCommand,
} from "@murmur/model";
import type { View, Watch, WatchOptions } from "@murmur/store";
import type { DoctorReport, RecoveryPlan } from "./murmur-types.ts";

/**
 * How fresh a read is. `linearizable`: shows every write that was acknowledged before the read began; needs a leader.
 * `local`: whatever this replica has; always answers.
 */
export type Consistency = "linearizable" | "local";

/** Raft as this replica sees it, without asking anybody. */
export interface RaftStanding {
  readonly leader: NodeId | undefined;
  readonly term: number;
  /** Which life of the cluster it is; 0 until it is first recovered or restored. */
  readonly generation: number;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

/** The replicated state, on a node that is a manager. */
export interface Cluster {
  /** Waits, for a bounded time, until the view is as fresh as asked for. Errors: `no_leader`, `timeout`, `cancelled`. */
  read(consistency: Consistency, signal: AbortSignal): Promise<View>;
  /**
   * Resolves once the command is committed and applied; a refusal of the store rejects as a `ClusterError`. Waits for a
   * bounded time, as `read` does.
   */
  submit(command: UserCommand, options: { readonly signal: AbortSignal }): Promise<Committed>;
  /**
   * Makes of a secret's bytes, or of a login's, what may be in a command: base64 that only this cluster's managers can
   * open, and only for this id (a secret's own, or `loginSealId`).
   */
  seal(plain: Uint8Array, id: string): Promise<string>;
  /**
   * Makes another key of secrets, which this manager keeps beside the others. Errors: `failed_precondition` when there are
   * too many.
   */
  newSealKey(): Promise<SealKeyName>;
  /** Whether these are the bytes of a secret, as far as this node can tell. */
  isSealed(secret: Secret, plain: Uint8Array): boolean;
  /** What locked managers are unlocked with; undefined: there is none. `unavailable`: this manager can't open it yet. */
  unlockKey(cluster: ClusterRecord): string | undefined;
  /** A feed of this replica's changes; a `read` right before it, in the same turn, seeds it. */
  watch(options: WatchOptions): Watch;
  standing(): RaftStanding;
  /** What the scheduler says of each of these tasks, by what is in the view. */
  placements(view: View, tasks: readonly Task[]): readonly PlacementFacts[];
  /**
   * Where a change of a service would lead: it is tried out on a copy of the state, and nothing is submitted. Rejects as
   * `submit` would, and with `overloaded` when too many are asked for at once.
   */
  forecast(change: ServiceChange, signal: AbortSignal): Promise<Forecast>;
  /** What would be better placed elsewhere, by what is in the view; each list is one service's tasks. */
  moves(
    view: View,
    services: readonly (readonly Task[])[],
    options: { readonly now: Millis; readonly movesMax: number },
  ): readonly TaskMove[];
  /** Whether the cluster is calm, by what is in the view: nothing is moved by its policy before. */
  calm(view: View, now: Millis): CalmFacts;
  /** The whole state at one position that a quorum has confirmed. Errors: as `read`. */
  snapshot(signal: AbortSignal): Promise<StateSnapshot>;
}

export type ServiceChange = Extract<UserCommand, { kind: "createService" | "updateService" | "rollbackService" }>;

/** The state as it would be once a change of a service has come to rest, beside what it is now. */
export interface Forecast {
  readonly view: View;
  /** Undefined when the change makes it. */
  readonly before: Service | undefined;
  readonly tasksBefore: readonly Task[];
  readonly after: Service;
  /** Whether all came to rest; else the time was up before. */
  readonly settled: boolean;
}

/** `since`: when anything last changed. `obstacle`: what stands in the way, for people; `moving`: so many tasks are on the move. */
export type CalmFacts = { readonly since: Millis } | { readonly obstacle: string; readonly moving?: number };

export interface TaskMove {
  readonly task: Task;
  readonly from: NodeId;
  readonly to: NodeId;
}

/** Which nodes could take a task, and why others can't. */
export interface PlacementFacts {
  readonly fitting: number;
  /** In Docker's words; empty when a node fits. */
  readonly message: string;
  /** Most nodes first. A node that several filters refuse is counted for the first. */
  readonly refusals: readonly { readonly filter: string; readonly nodes: number; readonly text: string }[];
  /** The node that is refused for the least. */
  readonly closest?: { readonly nodeId: NodeId; readonly hostname: string; readonly lacks: readonly string[] };
}

/** `view` is live: what must fit `chunks` is read of it at once. The chunks may be read slowly, while commands go on. */
export interface StateSnapshot {
  readonly index: Index;
  readonly term: number;
  /** Which life of the cluster it is of; 0 until it is first recovered or restored. */
  readonly generation: number;
  readonly view: View;
  /** Each is valid until the next is asked for. */
  readonly chunks: Iterable<Uint8Array>;
}

export interface Committed {
  /** The id of the object that the command made or changed, where there is one. */
  readonly id?: string;
  readonly version: Index;
}

export interface InitRequest {
  /** The role that the first node is pinned to. Left out: the cluster chooses, as for any other node. */
  readonly pinnedRole?: "manager";
  /** `IP`, `IP:port` or an interface name; left out: the node finds its own address. */
  readonly advertiseAddr?: string;
  readonly listenAddr?: string;
  readonly availability: Availability;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: ClusterSpec;
  /** The root is that of an external CA in `spec`, and its key stays there; left out: the cluster makes one of its own. */
  readonly root?: "external";
  /** Left out: `ports`. */
  readonly dataPlane?: DataPlaneKind;
  readonly addressPool?: AddressPool;
  /** As `Cluster.dataPathPort`. */
  readonly dataPathPort?: number;
}

export interface JoinRequest {
  readonly token: string;
  /** `IP:port` of nodes of the cluster, tried in order. At least one. */
  readonly addresses: readonly string[];
  readonly advertiseAddr?: string;
  readonly listenAddr?: string;
  readonly availability: Availability;
  readonly labels: Readonly<Record<string, string>>;
}

export interface RestoreRequest {
  /** The file, as it arrives. */
  readonly backup: AsyncIterable<Uint8Array>;
  readonly advertiseAddr?: string;
  readonly listenAddr?: string;
  readonly availability: Availability;
  readonly labels: Readonly<Record<string, string>>;
  /** Leaves the backup's nodes out: none of them will come back. */
  readonly forgetNodes: boolean;
  /** Also when the cluster of the backup still runs. */
  readonly force: boolean;
  /** What the backup's secrets were sealed with; `new`: they are lost. May be left out where there are none. */
  readonly secretsKey?: string;
}

/** Where this node stands. */
export type NodeStanding =
  | { readonly state: "outside" }
  /** Its daemon has just been started, and takes up the place that it had before, if it had one. */
  | { readonly state: "starting" }
  | { readonly state: "joining"; readonly address: string }
  | {
      readonly state: "active";
      readonly nodeId: NodeId;
      /** `IP:port` of this node's peer transport. */
      readonly address: string;
      /** Whether this node holds a replica: it then answers itself, otherwise its requests are forwarded. */
      readonly manager: boolean;
      /** The managers that this node knows, itself included if it is one. */
      readonly managers: readonly { readonly id: NodeId; readonly address: string }[];
    }
  /** It has an identity and can't use it: expired, removed, damaged. `message` is one line that says what to do. */
  | { readonly state: "failed"; readonly message: string }
  /** What it has on its disk is sealed with the cluster's unlock key, and nobody has brought that since it started. */
  | { readonly state: "locked" };

/** This node: its way into a cluster and out of it. */
export interface LocalNode {
  status(): NodeStanding;
  /**
   * Errors: `already_in_cluster`, `invalid_argument` (address), `unavailable` (port taken), `failed_precondition` when
   * this machine can't do the data plane.
   */
  init(request: InitRequest, signal: AbortSignal): Promise<void>;
  /**
   * Errors: `already_in_cluster`, `unauthenticated` (token), `unavailable` (addresses), `incompatible_version`,
   * `failed_precondition` when this machine can't do the cluster's data plane.
   */
  join(request: JoinRequest, signal: AbortSignal): Promise<void>;
  /**
   * Opens what a locked node has on its disk, and takes its place in the cluster up. Errors: `unauthenticated` when it
   * isn't the key, `invalid_argument` when it is none, `already_exists` when the node isn't locked, `not_in_cluster`.
   */
  unlock(key: string): Promise<void>;
  /** Errors: `not_in_cluster`, `failed_precondition` when it would lose the quorum and isn't forced. */
  leave(options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
  /**
   * Starts the cluster of a backup anew, with this node as its only manager. Errors: `already_in_cluster`, `corrupt`,
   * `incompatible_version`, `failed_precondition` when that cluster still runs and it isn't forced, those of `init`.
   */
  restore(request: RestoreRequest, signal: AbortSignal): Promise<void>;
  /** What this node has to open the cluster's secrets with, for people. Errors: `not_in_cluster`, `failed_precondition`. */
  secretsKey(): string;
  /** What `recover` would do. Errors: `not_in_cluster`, `failed_precondition` when this node is no manager. */
  recoveryPlan(signal: AbortSignal): Promise<RecoveryPlan>;
  /** Makes this node the cluster's only manager, as planned. Errors: `failed_precondition` when it is advised against. */
  recover(options: { readonly force: boolean }, signal: AbortSignal): Promise<RecoveryPlan>;
  /**
   * Has nodes compare their data plane with what it should be, and mend it when told so. Errors: `not_in_cluster`,
   * `not_found` for a name that no node has.
   */
  doctor(request: DoctorRequest, signal: AbortSignal): Promise<DoctorReport>;
  /**
   * Has this node's engine make its own network of one of the cluster's that each node has of itself; its name there. Errors:
   * `not_in_cluster`, `unavailable` while the node hasn't been told of it, `failed_precondition` where it lacks the settings.
   */
  ownNetwork(id: NetworkId, signal: AbortSignal): Promise<string>;
  /** Containers that are connected by hand to the cluster's overlay networks, on any node, as far as the nodes have told. */
  guests(): readonly Guest[];
}

export interface DoctorRequest {
  readonly repair: boolean;
  /** Ids, host names, or `self`; none: all nodes. */
  readonly nodes: readonly string[];
}

export type EngineAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** What the local engine says of itself in its answer to a ping. */
export interface EngineFacts {
  /** False: it doesn't answer now, and has said the rest before. */
  readonly answers: boolean;
  /** The newest API version that it speaks: `1.41`. */
  readonly apiVersion: string;
  readonly builderVersion: string | undefined;
  /** Clients offer some of their flags only then. */
  readonly experimental: boolean;
  readonly osType: string;
}

export interface EngineRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query. */
  readonly path: string;
  readonly contentType?: string | undefined;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** The local container engine. `openEngine` is the adapter; everything that Murmur has no answer for goes to it. */
export interface Engine {
  readonly address: EngineAddress;
  /**
   * What the engine said last, some seconds ago perhaps: one that is too busy to answer a ping is still what it was.
   * Undefined until it has answered for the first time.
   */
  facts(signal: AbortSignal): Promise<EngineFacts | undefined>;
  /** A small JSON answer to a GET. Rejects with `unavailable` when the engine doesn't answer in time. */
  get(path: string, signal: AbortSignal): Promise<{ readonly status: number; readonly body: unknown }>;
  /**
   * Hands a small request on as it is, but for an API version that the engine doesn't know. Rejects with `unavailable`
   * when the engine doesn't answer, or says more than is read.
   */
  send(request: EngineRequest, signal: AbortSignal): Promise<Response>;
  /**
   * An answer of any length, read as it comes: what isn't read waits at the engine. The signal ends it. Rejects with
   * `unavailable` when the engine doesn't answer; later, so does reading.
   */
  stream(request: EngineRequest, signal: AbortSignal): Promise<EngineStream>;
  /**
   * Sends a request that takes the connection over, and resolves with that once the engine has agreed. The signal ends it.
   * Rejects with the engine's refusal, or `unavailable` when it doesn't answer.
   */
  takeOver(request: EngineRequest, signal: AbortSignal): Promise<Duplex>;
}

/** Whoever doesn't read it to its end aborts the signal that it was asked for with. */
export interface EngineStream {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** The cluster's join token, made of the CA's digest and the secret; `identity` knows how. */
export interface Tokens {
  newSecret(): string;
  newUnlockKey(): string;
  newGossipKey(): NamedGossipKey;
  /** Murmur's own token, or the one of Docker's that pins who joins with it to a role. */
  format(cluster: Pick<ClusterRecord, "caPem" | "secrets">, role?: "worker" | "manager"): string;
}

/** A root that a user brings, in PEM. */
export interface GivenRoot {
  readonly certificatePem: string;
  /** Left out: an external CA keeps it. */
  readonly keyPem?: string;
}

/** What the next root of a cluster is to be, and what is to hold for the cluster from then on. */
export interface RootRequest {
  /** Undefined: a new one is made. */
  readonly given: GivenRoot | undefined;
  readonly spec: ClusterSpec;
}

/** Makes what takes the place of the cluster's root; `identity` knows how. */
export interface Authority {
  /** A new root, or the given one, with what belongs to it. Errors: `invalid_argument` with what is wrong with that. */
  next(cluster: ClusterRecord, request: RootRequest, signal: AbortSignal): Promise<NextRoot>;
  /** Makes sure that the external CAs of the cluster's roots sign. Errors: `invalid_argument` with what is wrong. */
  check(cluster: ClusterRecord, spec: ClusterSpec, signal: AbortSignal): Promise<void>;
}

export interface Metrics {
  /** Prometheus' text format. */
  text(): Promise<string>;
}

/** The volumes of this node's engine, as far as they are the cluster's affair. */
interface NodeVolumes {
  /** Their names, as the managers are told. */
  held(): readonly string[];
  /** What tells one that was made for the cluster. */
  labels(): Readonly<Record<string, string>>;
  /** One was made or removed: the managers are to hear of it soon. */
  changed(): void;
}

/** What the API needs of the rest of the node. */
export interface ApiPorts {
  /** The version of Murmur itself. */
  readonly murmurVersion: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A new id of 25 characters; ids enter here and nowhere behind. */
  readonly newId: () => string;
  readonly node: LocalNode;
  /** Undefined while this node is no manager. Asked anew for each request. */
  readonly cluster: () => Cluster | undefined;
  /**
   * Answers a request through a manager, streaming both ways. Called on a node that is no manager itself. Rejects with
   * `unavailable` when no manager can be reached.
   */
  readonly forward: (request: Request) => Promise<Response>;
  /**
   * Asks a node about its tasks' containers, streaming both ways; that node answers with `fetchAsked`. Rejects with
   * `unavailable` when it can't be reached, at once when it is known to be gone. This node may ask itself.
   */
  readonly askNode: (node: NodeId, request: Request) => Promise<Response>;
  readonly engine: Engine;
  readonly volumes: NodeVolumes;
  readonly tokens: Tokens;
  readonly authority: Authority;
  readonly metrics: Metrics;
}
