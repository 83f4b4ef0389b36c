import type { NodeId } from "@murmur/base";
import type { NetworkId, PortProtocol, ServiceId, TaskId } from "@murmur/model";

/**
 * What the overlay of one node should be: the port of the overlay data plane. It is a whole, never a change; the order of
 * its lists means nothing but where that is said. Addresses are texts without a prefix length, MAC addresses six bytes with colons.
 */
export interface OverlayState {
  /** This node. */
  readonly nodeId: NodeId;
  /** This node's address that the other nodes' segments reach it at, IPv4 or IPv6. */
  readonly underlay: string;
  /** The networks that this node has tasks in, or publishes ports of. */
  readonly networks: readonly OverlayNetwork[];
  /** Every task in those networks, also one that gets no new traffic; it is forgotten, flows and all, once it isn't here. */
  readonly tasks: readonly OverlayTask[];
  readonly services: readonly OverlayService[];
  /** What every node of the cluster answers on its own addresses. */
  readonly ports: readonly OverlayPort[];
}

/** An address in a network; the IPv6 one where the network has a subnet of those. */
export interface OverlayAddress {
  readonly ipv4: string;
  readonly ipv6?: string;
}

/** One segment: a bridge on each node, joined by VXLAN. */
export interface OverlayNetwork {
  readonly id: NetworkId;
  /** For people. */
  readonly name: string;
  /** The VXLAN network identifier, 1 to 16,777,215; unlike that of any other network with the same `vxlanPort`. */
  readonly vni: number;
  /** UDP port that the segment's packets are sent to, the same on all nodes. 4789 is IANA's, and Docker Swarm's. */
  readonly vxlanPort: number;
  /** `ADDRESS/LENGTH` each. */
  readonly subnet4: string;
  readonly subnet6?: string;
  /** The address that all nodes' bridges share and containers send to. The engine gave it to the bridge. */
  readonly gateway: OverlayAddress;
  /** No way out of it but to its own members: never a container's default route. */
  readonly internal?: boolean;
  /** Bytes of an IP packet inside: 50 below the underlay's over IPv4, 70 over IPv6. */
  readonly mtu: number;
  /** The engine's bridge of this network on this node. It is given a MAC address (see `macOf`), and not made here. */
  readonly bridge: string;
  /** Every node that has a bridge in the network or lets clients in to it, this one among them. */
  readonly nodes: readonly OverlayNode[];
}

export interface OverlayNode {
  readonly id: NodeId;
  readonly underlay: string;
  /**
   * An address in the subnet that only this node has, beside the shared one: answers to clients who came in through the
   * node go back by it. Its bridge's MAC address is derived from it.
   */
  readonly gateway: OverlayAddress;
  /**
   * Addresses of containers there that the state knows nothing of, `ADDRESS/LENGTH` each, 64 at most. They are reached
   * through the node's own gateway, whether anybody has them or not.
   */
  readonly behind?: { readonly ipv4: string; readonly ipv6?: string };
}

export interface OverlayTask {
  readonly id: TaskId;
  readonly nodeId: NodeId;
  /** In the task's order: the first network that isn't internal has the container's default route. */
  readonly attachments: readonly OverlayAttachment[];
  /** Path of the container's network namespace, for a task of this node whose container has one: the engine's `SandboxKey`. */
  readonly netns?: string;
}

export interface OverlayAttachment extends OverlayAddress {
  readonly networkId: NetworkId;
  /** The container's there: `macOf(ipv4)`, unless the engine was told another. */
  readonly mac: string;
  /**
   * The bridge's port of a container of this node (the host's end of its veth pair). It is put in hairpin mode: without, a
   * task can't reach itself by a published port of its own host.
   */
  readonly port?: string;
}

/**
 * How a new flow is given a task. `sourceHash` sends a client's address to the same task, on every node, as long as that
 * is there; few others move when tasks come and go.
 */
export type Balancing = "random" | "roundRobin" | "sourceHash";

export interface OverlayService {
  readonly id: ServiceId;
  /** One virtual address for each network that the service has one in. */
  readonly vips: readonly (OverlayAddress & { readonly networkId: NetworkId })[];
  /** Tasks that new flows may go to. None: they are refused at once. */
  readonly endpoints: readonly TaskId[];
  readonly balancing: Balancing;
}

export interface OverlayPort {
  readonly protocol: PortProtocol;
  /**
   * One address of the machine; `0.0.0.0` and `::`: all of one family; undefined: all that it has. The loopback's are never
   * answered: see the README.
   */
  readonly address?: string;
  readonly port: number;
  readonly targetPort: number;
  /** The network that the tasks are reached in. */
  readonly networkId: NetworkId;
  readonly endpoints: readonly TaskId[];
  readonly balancing: Balancing;
  /** Whether tasks of this node, while there are any, get all that comes in here. */
  readonly localFirst: boolean;
}
