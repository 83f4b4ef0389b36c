import type { ResealedThing, SealKeyName } from "./seal-key.ts";
import type { GossipKeyRotation, NamedGossipKey } from "./gossip-key.ts";
import type { Millis, NodeId } from "@murmur/base";
import type { Cluster, ClusterSpec, NextRoot } from "./cluster.ts";
import type { ConfigId, Index, NetworkId, SecretId, ServiceId, TaskId } from "./ids.ts";
import type { NetworkSpec } from "./network.ts";
import type { EngineStatus, NodeCertificate, NodeDescription, NodeSpec } from "./node.ts";
import type { ConfigSpec, SecretSpec } from "./payload.ts";
import type { RootRotation } from "./root-rotation.ts";
import type { RestartHistory, UpdateStatus } from "./service.ts";
import type { ServiceSpec } from "./service-spec.ts";
import type { DesiredState, NodeState } from "./states.ts";
import type { LeftVolume, Task, TaskStatus } from "./task.ts";

/** What every command carries: time enters once, at the edge. */
interface Timed {
  readonly now: Millis;
}

/** Commands of users, through the API. */
export type UserCommand = Timed &
  /** `registryAuth`: sealed with `loginSealId`. */
  (
    | {
        readonly kind: "createService";
        readonly id: ServiceId;
        readonly spec: ServiceSpec;
        readonly registryAuth?: string;
      }
    | {
        readonly kind: "updateService";
        readonly id: ServiceId;
        readonly version: Index;
        readonly spec: ServiceSpec;
        /** A new login; empty: none any more. */
        readonly registryAuth?: string;
        /** Whose login it keeps, where it brings none; left out: that of the spec that it replaces. */
        readonly registryAuthFrom?: "spec" | "previous-spec";
      }
    | {
        readonly kind: "rollbackService";
        readonly id: ServiceId;
        readonly version: Index;
        /** Why, for people; left out when a user asks for it. */
        readonly message?: string;
      }
    | { readonly kind: "removeService"; readonly id: ServiceId }
    /**
     * Tasks of replicated services are to go on elsewhere, within so long; each works until its replacement does. Those
     * that are gone, or don't run, are passed over.
     */
    | { readonly kind: "moveTasks"; readonly tasks: readonly TaskId[]; readonly forMs: Millis }
    | { readonly kind: "createNetwork"; readonly id: NetworkId; readonly spec: NetworkSpec }
    /** Refused while a service or a task is in it, and for the default network. */
    | { readonly kind: "removeNetwork"; readonly id: NetworkId }
    | { readonly kind: "createSecret"; readonly id: SecretId; readonly spec: SecretSpec; readonly sealed: string }
    /** Only the labels may differ. */
    | { readonly kind: "updateSecret"; readonly id: SecretId; readonly version: Index; readonly spec: SecretSpec }
    /** Refused while a service uses it. */
    | { readonly kind: "removeSecret"; readonly id: SecretId }
    | { readonly kind: "createConfig"; readonly id: ConfigId; readonly spec: ConfigSpec; readonly data: string }
    /** Only the labels may differ. */
    | { readonly kind: "updateConfig"; readonly id: ConfigId; readonly version: Index; readonly spec: ConfigSpec }
    /** Refused while a service uses it. */
    | { readonly kind: "removeConfig"; readonly id: ConfigId }
    | { readonly kind: "updateNode"; readonly id: NodeId; readonly version: Index; readonly spec: NodeSpec }
    | { readonly kind: "removeNode"; readonly id: NodeId; readonly force: boolean }
    | {
        readonly kind: "updateCluster";
        readonly version: Index;
        readonly spec: ClusterSpec;
        /** Another one from now on, as of `Cluster`; must be there where autolock is turned on. */
        readonly unlockKey?: string;
        /** Begins a rotation of the root, in place of one that is under way. */
        readonly nextRoot?: NextRoot;
      }
    | {
        readonly kind: "rotateJoinSecret";
        readonly version: Index;
        readonly joinSecret: string;
        /** Which of Docker's tokens is replaced; left out: Murmur's own. */
        readonly role?: "worker" | "manager";
      }
    | {
        readonly kind: "rotateGossipKey";
        readonly next: NamedGossipKey;
        /** Only when it is due: a leader found it so. */
        readonly ifDue?: boolean;
      }
    /** Refused while things are being sealed anew. The manager that the user asked has made the key, and kept it. */
    | { readonly kind: "rotateSealKey"; readonly next: SealKeyName }
  );

/** Commands of the managers and, through them, of the agents. */
export type InternalCommand = Timed &
  /** The first entry of a cluster: the cluster, its first node, and the default network. */
  (
    | {
        readonly kind: "createCluster";
        readonly cluster: Omit<
          Cluster,
          "version" | "createdAt" | "updatedAt" | "firstIngressRemoved" | "rotation" | "gossipKey"
        >;
        readonly defaultNetworkId: NetworkId;
      }
    /** A node joins, or joins again with the key that it had. */
    | {
        readonly kind: "createNode";
        readonly id: NodeId;
        readonly address: string;
        readonly keyDigest: string;
        /** Must still be the cluster's when applied: a rotated token doesn't let anybody in. Undefined for the first. */
        readonly joinSecret?: string;
        /** The role of the token that it came with, if that has one: the node is pinned to it. */
        readonly pinnedRole?: "worker" | "manager";
        readonly hostname: string;
        readonly labels: Readonly<Record<string, string>>;
        readonly availability: "active" | "pause" | "drain";
      }
    | {
        readonly kind: "describeNode";
        readonly id: NodeId;
        readonly description?: NodeDescription;
        readonly engine?: EngineStatus;
        readonly address?: string;
        /** As `ClusterNode.volumes`. */
        readonly volumes?: readonly string[];
        readonly certificate?: NodeCertificate;
      }
    | { readonly kind: "setNodeState"; readonly id: NodeId; readonly state: NodeState; readonly message: string }
    | {
        readonly kind: "setRaftRoles";
        readonly roles: Readonly<Record<string, "voter" | "learner">>;
      }
    /** The rotation's next step. Refused while a node isn't ready for it, or when it is another rotation or step by now. */
    | { readonly kind: "advanceRotation"; readonly root: string; readonly phase: RootRotation["phase"] }
    /** The same of the rotation of the gossip's key. */
    | { readonly kind: "advanceGossipKey"; readonly name: string; readonly phase: GossipKeyRotation["phase"] }
    /** The same of the rotation of the key of secrets; the leader has asked the managers whether they have it. */
    | { readonly kind: "advanceSealKey"; readonly digest: string; readonly phase: "hold" | "seal" }
    /** Things sealed with the key that is wanted; what has changed meanwhile stays as it is. */
    | { readonly kind: "reseal"; readonly things: readonly ResealedThing[] }
    /** A cluster was restored with other keys than its record names. */
    | { readonly kind: "replaceSealKey"; readonly next: SealKeyName; readonly isSealing: boolean }
    /** The spec may be left out, which keeps the log small: it is the service's at `specVersion` in any case. */
    | {
        readonly kind: "createTask";
        readonly task: Omit<
          Task,
          | "version"
          | "createdAt"
          | "updatedAt"
          | "spec"
          | "addresses"
          | "genericNames"
          | "leftVolumes"
          | "hasLogin"
          | "move"
        > & {
          readonly spec?: Task["spec"];
        };
      }
    /** Refused when the task has a node already, isn't wanted any more, or the node takes no tasks or has no room. */
    | {
        readonly kind: "assignTask";
        readonly id: TaskId;
        readonly nodeId: NodeId;
        readonly leftVolumes?: readonly LeftVolume[];
      }
    /** Why a task waits, for people; written only when the text changes. */
    | { readonly kind: "explainTask"; readonly id: TaskId; readonly message: string; readonly error: string }
    | { readonly kind: "setDesiredState"; readonly id: TaskId; readonly desired: DesiredState }
    /** Deletes the record. Refused while something may run for the task on a node that can still tell. */
    | { readonly kind: "removeTask"; readonly id: TaskId }
    /** Statuses of one node's tasks; those of tasks that are gone, or that would go back, are passed over. */
    | {
        readonly kind: "reportTasks";
        readonly nodeId: NodeId;
        readonly statuses: readonly { readonly id: TaskId; readonly status: TaskStatus }[];
      }
    | { readonly kind: "orphanTasks"; readonly nodeId: NodeId; readonly message: string }
    /** About the update to `specVersion`; refused when the service has another one by now. */
    | {
        readonly kind: "setUpdateStatus";
        readonly id: ServiceId;
        readonly specVersion: Index;
        readonly status: UpdateStatus;
      }
    | { readonly kind: "recordRestart"; readonly history: RestartHistory }
    | { readonly kind: "finishRemoveService"; readonly id: ServiceId }
  );

export type Command = UserCommand | InternalCommand;

/** One raft entry: the commands are applied in order, each on its own (one may be refused and the next accepted). */
export interface CommandBatch {
  readonly commands: readonly Command[];
}
