import type { Millis, NodeId } from "@murmur/base";
import type { EndpointPart } from "./endpoint-change.ts";
import type { Index, TaskId } from "./ids.ts";
import type { EngineStatus, NodeCertificate, NodeDescription, NodeSpec } from "./node.ts";
import type { PayloadKind } from "./payload.ts";
import type { Task, TaskStatus } from "./task.ts";

/**
 * What a session tells an agent to do. `full` replaces everything; `delta` builds on the one before: `from` must be the
 * version that the agent holds, else it asks for a full one. Versions are raft indexes.
 */
export type AssignmentMessage =
  | {
      readonly kind: "full";
      readonly version: Index;
      readonly node: OwnNode;
      readonly tasks: readonly Task[];
      readonly cluster: ClusterFacts;
    }
  | {
      readonly kind: "delta";
      readonly from: Index;
      readonly version: Index;
      readonly node?: OwnNode;
      readonly updated: readonly Task[];
      readonly removed: readonly TaskId[];
      readonly cluster?: ClusterFacts;
    }
  /** This node was removed from the cluster: stop all, forget the identity. */
  | { readonly kind: "removed" };

/**
 * What a session tells an agent of the cluster's endpoints, which have versions of their own. The first change of a
 * session starts from the version that the agent has said it has, or from nothing; it comes even when it changes nothing,
 * so that its digest shows whether both have the same table. An agent that can't use a change asks for a `resync`.
 */
export type EndpointMessage = { readonly kind: "endpoints" } & EndpointPart;

/** What a node is told of its own record: what it should be, and what its agent is known to have said. */
export interface OwnNode {
  readonly spec: NodeSpec;
  readonly engine?: EngineStatus["state"];
  readonly address?: string;
  /** As `ClusterNode.volumes`: what was held once is told of as long as the engine has it. */
  readonly volumes?: readonly string[];
  readonly certificate?: NodeCertificate;
}

/** What every node needs to know of the cluster. */
export interface ClusterFacts {
  readonly nodes: readonly {
    readonly id: NodeId;
    readonly hostname: string;
    readonly address: string;
    readonly raftRole: "voter" | "learner" | "none";
    /** As `ClusterNode.number`. */
    readonly number?: number;
  }[];
  readonly gossipKeys: readonly string[];
  /** What a node's certificate and trust are to be; it gets them from a manager. Left out by one that knows no cluster yet. */
  readonly authority?: WantedAuthority;
  /** As `Cluster.dataPathPort`. */
  readonly dataPathPort?: number;
}

/** In PEM. */
export interface WantedAuthority {
  /** The roots that a node is to trust, these and no others. */
  readonly trusts: readonly string[];
  /** The root that its certificate is to be of; left out: any of them. */
  readonly issuer?: string;
}

/** What an agent tells its session. */
export type ReportMessage =
  | { readonly kind: "acknowledge"; readonly version: Index }
  /** What came doesn't fit what the agent holds: all is to be sent anew, the endpoints too. */
  | { readonly kind: "resync" }
  | {
      readonly kind: "tasks";
      readonly sequence: number;
      readonly statuses: readonly { readonly id: TaskId; readonly status: TaskStatus }[];
    }
  | {
      readonly kind: "node";
      readonly sequence: number;
      readonly description?: NodeDescription;
      readonly engine?: EngineStatus;
      readonly address?: string;
      /** All of them; left out: as before. */
      readonly volumes?: readonly string[];
      /** Left out: as before. */
      readonly certificate?: NodeCertificate;
    };

/** The manager's answer to a report: it is committed. The agent keeps a report until then and sends it again. */
export interface ReportAcknowledgement {
  readonly kind: "committed";
  readonly sequence: number;
}

/** A secret or a config that tasks of the node use, or the login to the registry that they are pulled from. */
export interface AssignedPayload {
  readonly kind: PayloadKind | "login";
  /** Of a login: the service's. */
  readonly id: string;
  /** Base64, in clear. Kept in memory only, and never shown. Of a login, empty: the registry wants none. */
  readonly data: string;
  /** Its contents are a template. */
  readonly templating?: "golang";
}

/** Names a secret, a config or a login among all. */
export const payloadKey = ({ kind, id }: Pick<AssignedPayload, "kind" | "id">): string => `${kind}/${id}`;

/**
 * What a session tells an agent of the secrets, configs and logins that its tasks use: before the tasks, and away again when no
 * task uses them any more. `isFirst`: whatever the agent has is forgotten before. A session that has none to tell of says
 * nothing, so an agent that has heard nothing before a full assignment forgets all that it has.
 */
export interface PayloadMessage {
  readonly kind: "payloads";
  readonly isFirst: boolean;
  readonly put: readonly AssignedPayload[];
  /** By `payloadKey`. */
  readonly removed: readonly string[];
}

export type SessionMessage = PayloadMessage | AssignmentMessage | EndpointMessage | ReportAcknowledgement;

/** A report is sent again on a new session; how long one may wait before it is sent. */
export const REPORT_BATCH_MS: Millis = 20;
