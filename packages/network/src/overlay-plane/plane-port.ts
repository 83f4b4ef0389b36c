import type { ClusterFacts, Guest, NetworkAddress, NetworkId, TaskId } from "@murmur/model";
import type { DataPlane } from "../data-plane.ts";
import type { LocalNetwork } from "./needed-networks.ts";

/** A task's running container on this node. */
export interface Attachment {
  /** Path of its network namespace. */
  readonly netns: string;
  readonly addresses: readonly (NetworkAddress & { readonly networkId: NetworkId })[];
}

/** The data plane in which tasks have addresses of their own. Disposing leaves the kernel as it is: traffic goes on. */
export interface OverlayPlane extends DataPlane {
  /** Who the cluster's nodes are, from now on. */
  facts(facts: ClusterFacts): void;
  /** All containers of all nodes that are guests in the cluster's networks: they have names. */
  meet(guests: readonly Guest[]): void;
  /** A network of the table; undefined while this node hasn't been told of it, or of its own number. */
  network(id: NetworkId): LocalNetwork | undefined;
  /** Subnets (`ADDRESS/LENGTH`) that the host has addresses in beside our networks, as far as was seen last. */
  subnets(): readonly string[];
  /** The cluster's networks, as far as this node was told. */
  known(): ReadonlySet<NetworkId>;
  /** The networks that this node needs to have bridges of; undefined until it knows. */
  networks(): readonly LocalNetwork[] | undefined;
  /** Those that this node's engine has of its own, and that containers may be connected to by hand. */
  ownAttachable(): readonly NetworkId[];
  /**
   * Connects a task's container; resolves when its traffic goes right. @throws ClusterError `unavailable` with the reason
   * when it doesn't: what was told stays, and goes right later if it can
   */
  attach(task: TaskId, container: Attachment, options: { readonly signal: AbortSignal }): Promise<void>;
  /** The container is gone. */
  detach(task: TaskId): void;
  /**
   * Which servers are asked for names that aren't the cluster's when a task asks from its addresses; undefined: this
   * node's own. Holds until the task is detached. @throws ClusterError `invalid_argument` for what is no IP address
   */
  resolveBy(task: TaskId, addresses: Attachment["addresses"], servers: readonly string[] | undefined): void;
  /** Tasks whose containers were found running when this process began: they will be attached, or detached. */
  expect(tasks: readonly TaskId[]): void;
}
