import type { Millis } from "@murmur/base";
import type { ContainerSpec } from "./container-spec.ts";
import type { DefaultedPart } from "./defaulted-part.ts";
import type { NetworkId } from "./ids.ts";

export interface Resources {
  /** Billionths of a CPU, as Docker counts them. */
  readonly nanoCpus: number;
  readonly memoryBytes: number;
}

/** Amounts of what nodes offer beside CPU and memory, by kind: `{ gpu: 2 }`. */
export type GenericAmounts = Readonly<Record<string, number>>;

/** What a node offers of a kind: so many, or these by name, of which each task is given its own. */
export type GenericOffer = number | readonly string[];

export interface Reservations extends Resources {
  readonly generic?: GenericAmounts;
  /** These of what the node offers by name, beside the amounts. Not empty, nor is a list of it. */
  readonly genericNames?: Readonly<Record<string, readonly string[]>>;
}

export interface ResourceRequirements {
  /** What a node must have free; the scheduler counts it. */
  readonly reservations: Reservations;
  /** What the container may use at the most; 0 is no limit. */
  readonly limits: Resources & { readonly pids: number };
  /** Swap beside the memory of `limits`, which it needs; -1: without a limit. Left out: the engine's, as much as memory. */
  readonly swapBytes?: number;
  /** From 0 to 100; left out: the host's. */
  readonly swappiness?: number;
}

export interface RestartPolicy {
  readonly condition: "none" | "on-failure" | "any";
  readonly delayMs: Millis;
  /** 0: no limit. Counted within `windowMs`. */
  readonly maxAttempts: number;
  /** 0: attempts are counted without end. */
  readonly windowMs: Millis;
}

/** `node.labels.zone==east`, parsed. Keys and operators are Docker's; values compare without regard to case. */
export interface Constraint {
  readonly key: string;
  readonly operator: "==" | "!=";
  readonly value: string;
  /** As the user wrote it, when that is not the plain form; clients name constraints by their text. Means nothing. */
  readonly text?: string;
}

/** `spread` evens a service and then the load out over the nodes; `binpack` fills nodes up, to keep others empty. */
export const STRATEGIES = ["spread", "binpack"] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface Placement {
  readonly constraints: readonly Constraint[];
  /** Spread over the values of these node attributes (`node.labels.zone`), outermost first. */
  readonly preferences: readonly { readonly spread: string }[];
  /** 0: no limit. */
  readonly maxReplicasPerNode: number;
  /** Empty: any. */
  readonly platforms: readonly { readonly os?: string; readonly architecture?: string }[];
  /** Left out: the cluster's. */
  readonly strategy?: Strategy;
}

export interface NetworkAttachment {
  readonly target: NetworkId;
  readonly aliases: readonly string[];
  /** What the engine's driver is told of a task's place in it. Never empty. */
  readonly driverOptions?: Readonly<Record<string, string>>;
}

export interface LogDriver {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
}

/** What every task of a service is made from; a change of it makes new tasks. */
export interface TaskSpec {
  readonly container: ContainerSpec;
  readonly resources: ResourceRequirements;
  readonly restart: RestartPolicy;
  readonly placement: Placement;
  readonly networks: readonly NetworkAttachment[];
  readonly logDriver?: LogDriver;
  /** Raised to replace all tasks although nothing else changed. */
  readonly forceUpdate: number;
}

export type ServiceMode =
  | { readonly kind: "replicated"; readonly replicas: number }
  | { readonly kind: "global" }
  | { readonly kind: "replicated-job"; readonly maxConcurrent: number; readonly totalCompletions: number }
  | { readonly kind: "global-job" };

export interface UpdateConfig {
  /** Tasks replaced at once; 0 is all. */
  readonly parallelism: number;
  readonly delayMs: Millis;
  readonly failureAction: "pause" | "continue" | "rollback";
  /** How long a new task is watched for failure. */
  readonly monitorMs: Millis;
  /** 0 to 1. */
  readonly maxFailureRatio: number;
  readonly order: "stop-first" | "start-first";
}

export const PORT_PROTOCOLS = ["tcp", "udp", "sctp"] as const;
export type PortProtocol = (typeof PORT_PROTOCOLS)[number];

/** How a new flow through a published port is given a task. */
export const BALANCINGS = ["random", "round-robin", "source-hash", "least-conn", "peak-ewma"] as const;
export type Balancing = (typeof BALANCINGS)[number];

/** How an `ingress` port is served, where the user wants something else than the default. */
export interface PortOptions {
  /**
   * An address of the node, in its canonical form: nodes that don't have it don't listen. `0.0.0.0` is every IPv4 address,
   * `::` every IPv6 address; left out: every address of both families. Also of ports in mode `host`.
   */
  readonly hostIp?: string;
  /** Left out: what the data plane does best, `random` in the kernel and `least-conn` in the proxy. */
  readonly balancing?: Balancing;
  /** The task is told the client's address by a PROXY protocol header, version 2, before the first byte. TCP only. */
  readonly proxyProtocol?: boolean;
  /** Tasks of the node that the client reached get all that comes in there, while there are any. */
  readonly localFirst?: boolean;
}

export interface PortConfig extends PortOptions {
  readonly name?: string;
  readonly protocol: PortProtocol;
  readonly targetPort: number;
  /** 0 in a spec: the manager chooses one from 30000–32767 (`ingress`), the engine an ephemeral one (`host`). */
  readonly publishedPort: number;
  readonly mode: "ingress" | "host";
}

/**
 * What becomes of a task whose node is lost: down, or with an engine that is. `replace`: another one takes its place once
 * that has lasted `afterMs`, and the node's own goes when it is back. `wait`: nothing, until the node is back or removed.
 */
export type NodeLossPolicy = { readonly kind: "replace"; readonly afterMs: Millis } | { readonly kind: "wait" };

/** What the user wants. Only the user changes it. */
export interface ServiceSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly mode: ServiceMode;
  /** It is to have no tasks until it is started again, and keeps all else that it is: addresses, ports, how many there were. */
  readonly stopped?: boolean;
  readonly task: TaskSpec;
  /** Left out: replaced at once. */
  readonly onNodeLoss?: NodeLossPolicy;
  /** The cluster's policy of rebalancing leaves its tasks where they are; a user may still have them moved. */
  readonly rebalance?: "off";
  readonly update: UpdateConfig;
  readonly rollback: UpdateConfig;
  readonly endpoint: { readonly mode: "vip" | "dnsrr"; readonly ports: readonly PortConfig[] };
  /**
   * What the user left out, and is as it is by default: clients are shown a spec as it was given. Means nothing else.
   * Never empty, in the order of `DEFAULTED_PARTS`; with a part all that is in it.
   */
  readonly defaulted?: readonly DefaultedPart[];
}

/** The defaults are Docker's. */
export const DEFAULT_RESTART: RestartPolicy = { condition: "any", delayMs: 5_000, maxAttempts: 0, windowMs: 0 };
export const DEFAULT_UPDATE: UpdateConfig = {
  parallelism: 1,
  delayMs: 0,
  failureAction: "pause",
  monitorMs: 5_000,
  maxFailureRatio: 0,
  order: "stop-first",
};
export const DEFAULT_STOP_GRACE_MS: Millis = 10_000;
/** From here the manager takes a published port that the user left open. */
export const DYNAMIC_PORTS = { first: 30_000, last: 32_767 } as const;

/** Put on each service by whatever deploys a stack, as `docker stack deploy`. */
const STACK_LABEL = "com.docker.stack.namespace";

/** The stack that a service belongs to; undefined: to none. */
export function stackOf({ labels }: Pick<ServiceSpec, "labels">): string | undefined {
  const stack = labels[STACK_LABEL];
  return stack === "" ? undefined : stack;
}
