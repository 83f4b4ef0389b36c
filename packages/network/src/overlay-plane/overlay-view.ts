import type { NodeId } from "@murmur/base";
import type { Suspects } from "@murmur/discovery";
import type { ClusterFacts, EndpointTable, NetworkAddress, NetworkId, TaskId } from "@murmur/model";

/** A running container of this node. */
export interface AttachedContainer {
  /** Path of its network namespace. */
  readonly netns: string;
  readonly addresses: readonly (NetworkAddress & { readonly networkId: NetworkId })[];
  /** The host's end of its connection to each network. */
  readonly ports: ReadonlyMap<NetworkId, string>;
}

/** Everything that a node's overlay follows from. */
export interface OverlayView {
  readonly self: NodeId;
  /** IP address that the other nodes reach this one at. */
  readonly underlay: string;
  /** As `DataPlaneOptions.publishAddress`. */
  readonly publishAddress: string;
  readonly table: EndpointTable;
  readonly facts: ClusterFacts;
  readonly suspects: Suspects;
  readonly containers: ReadonlyMap<TaskId, AttachedContainer>;
}
