import type { NodeId } from "@murmur/base";
import type { SnapshotLimits } from "@murmur/manager";
import type { Abortable, TaskFiles, TaskNetworks } from "@murmur/agent";
import type { ClusterFacts, Guest, NetworkId, NodeDescription, NodePermissions } from "@murmur/model";
import type { DataPlane } from "@murmur/network";
import type { LogStorage } from "@murmur/storage";
import type { GuestSource } from "./guest-source.ts";
import type { Datagrams, NodeIdentity, PeerTransport, VerifyPeer } from "@murmur/transport";

interface TransportWiring {
  readonly identity: () => NodeIdentity;
  readonly verifyPeer: VerifyPeer;
  readonly addressOf: (id: NodeId) => string | undefined;
}

export interface DatagramHandlers {
  readonly seal: (bytes: Uint8Array) => Uint8Array;
  readonly open: (bytes: Uint8Array) => Uint8Array | undefined;
  readonly onPacket: (from: string, bytes: Uint8Array) => void;
}

/** The data plane of a member whose tasks have addresses of their own. */
export interface MemberOverlay {
  readonly plane: DataPlane & {
    facts(facts: ClusterFacts): void;
    /** Of `NodeDescription`. */
    subnets(): readonly string[];
    meet(guests: readonly Guest[]): void;
  };
  readonly networks: TaskNetworks & {
    /** As `LocalNode.ownNetwork`. A world whose networks are all overlays needs none. */
    ownNetwork?(id: NetworkId, options: Abortable): Promise<string>;
  };
  /** Who is in the engine's networks without being a task's. A world without such containers needs none. */
  readonly guests?: GuestSource;
}

/**
 * What connects a member to the world: sockets, disk, kernel. `systemWires` has the real ones; a test or a simulation
 * gives its own, and runs the member unchanged.
 */
export interface MemberWires {
  /** The versions of the wire protocol that its transport speaks. Default: this software's. */
  readonly protocol?: { readonly min: number; readonly max: number };
  /** What the node has beside CPU and memory, as its operator says. */
  readonly generic?: NodeDescription["resources"]["generic"];
  /** What its operator permits containers. */
  readonly permits?: NodePermissions;
  openTransport(wiring: TransportWiring): Promise<PeerTransport>;
  openDatagrams(handlers: DatagramHandlers): Promise<Datagrams>;
  /** The log of one generation of the cluster; each has a place of its own. */
  openLog(generation: number): Promise<LogStorage>;
  /** What a simulation has between a manager and its log, as the manager reads and writes it. */
  tapLog?(log: LogStorage, generation: number): LogStorage;
  /** Removes the logs of all other generations; they are closed. A world in which nothing is recovered needs none. */
  keepOnlyLog?(generation: number): Promise<void>;
  /** How long the log may become before a snapshot takes its place. Default: the manager's. */
  readonly snapshotLimits?: SnapshotLimits;
  /** Where secrets and configs of this node's tasks are kept. A world without them needs none. */
  openFiles?(): TaskFiles;
  openDataPlane(): Promise<DataPlane>;
  /** In its place in a cluster of the `overlay` plane. A world without overlays needs none. */
  openOverlay?(): Promise<MemberOverlay>;
}
