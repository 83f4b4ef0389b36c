import type { NodeId } from "@murmur/base";
import type { Index, NetworkId, ServiceId, TaskId } from "./ids.ts";
import type { LocalNetworking, NetworkAddress, NetworkAddressing } from "./network.ts";
import type { PortOptions, PortProtocol } from "./service-spec.ts";
import type { PublishedPort } from "./task.ts";

/** A task that traffic may be sent to: running, and healthy if it has a health check. */
export interface Endpoint {
  readonly taskId: TaskId;
  readonly slot: number;
  readonly nodeId: NodeId;
  /** Where other nodes reach it: in the `ports` data plane the node's address, with `ports`' host ports. */
  readonly address: string;
  readonly ports: readonly PublishedPort[];
}

export interface ServiceEndpoints {
  readonly serviceId: ServiceId;
  readonly name: string;
  /** The stack that it was deployed with: then its name is `STACK_SHORT`, and SHORT is what its stack calls it. */
  readonly stack?: string;
  readonly networks: readonly { readonly networkId: NetworkId; readonly aliases: readonly string[] }[];
  readonly published: readonly (PortOptions & {
    readonly protocol: PortProtocol;
    readonly targetPort: number;
    readonly publishedPort: number;
  })[];
  /** Ports that the user gave a name, in any mode; for `_NAME._tcp` questions. */
  readonly named?: readonly {
    readonly name: string;
    readonly protocol: PortProtocol;
    readonly targetPort: number;
  }[];
  /** Sorted by task id. */
  readonly endpoints: readonly Endpoint[];
  /** As `Service.vips`. */
  readonly vips?: readonly (NetworkAddress & { readonly networkId: NetworkId })[];
  /** Only in a cluster of the `overlay` plane: the tasks of `endpoints` and others. Sorted by task id. */
  readonly attached?: readonly AttachedTask[];
}

/** A task that has addresses: also one that gets no new traffic, until it has ended. What it sends must be answered. */
export interface AttachedTask {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  readonly addresses: readonly (NetworkAddress & { readonly networkId: NetworkId })[];
}

/** A container that the cluster doesn't run, and that somebody has connected to an attachable network by hand. */
export interface Guest extends NetworkAddress {
  readonly networkId: NetworkId;
  readonly nodeId: NodeId;
  /** All that it is found by, in that network alone. */
  readonly names: readonly string[];
}

/** A network as the data plane needs it. */
export interface NetworkEntry {
  readonly id: NetworkId;
  readonly name: string;
  readonly internal?: boolean;
  readonly mtu?: number;
  readonly addressing?: NetworkAddressing;
  /** As `NetworkSpec.local`. */
  readonly local?: LocalNetworking;
  /** Of a network with `local`: its nodes keep it for containers that are connected by hand. */
  readonly attachable?: true;
  /** As `Network.removing`: its name means nothing any more. */
  readonly removing?: true;
}

/**
 * Every endpoint of the cluster, computed from the store at `version`. DNS, proxies and forwarding are each rendered
 * from it whole, so none can keep a stale copy of its own.
 */
export interface EndpointTable {
  readonly version: Index;
  /** Sorted by id. */
  readonly networks: readonly NetworkEntry[];
  /** Sorted by service id. */
  readonly services: readonly ServiceEndpoints[];
}
