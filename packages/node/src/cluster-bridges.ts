import {
  clusterLabels,
  ownerLabels,
  type Abortable,
  type EngineNetwork,
  type GuestRuntime,
  type NetworkRuntime,
} from "@murmur/agent";
import { ClusterError, codeOf, type Log, type NodeId } from "@murmur/base";
import { ENGINE_ID_PART, engineNetworkName, type ClusterId, type NetworkId, type Subnet } from "@murmur/model";
import { bridgeOf, mtuOf, type BridgeMaker, type BridgeOptions, type LocalNetwork } from "@murmur/network";

/** Says of an engine's network which of the cluster's it is. */
const NETWORK = "io.murmur.network";

export interface ClusterBridgesOptions {
  /** What is asked of one network at once is done one after the other: as `EngineNetworks` does. */
  readonly runtime: NetworkRuntime;
  readonly guests: Pick<GuestRuntime, "evict">;
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  /** IP address that the other nodes reach this one at. */
  readonly underlay: string;
  readonly log: Log;
}

/** Whether a name is that of the engine's network of one of these. */
export function isNameOf(name: string, networks: ReadonlySet<NetworkId>): boolean {
  return [...networks].some((id) => name.endsWith(`.${id.slice(0, ENGINE_ID_PART)}`));
}

/** The bridge networks that this node's engine has for the cluster's. */
export class ClusterBridges implements BridgeMaker {
  readonly #options: ClusterBridgesOptions;

  constructor(options: ClusterBridgesOptions) {
    this.#options = options;
  }

  /**
   * Whoever is still in what the host had of the network as another node, before it was wiped, is taken out of it and runs
   * on: the addresses there are of that node's share, which may be given to others by now. What the engine still has of
   * networks that the cluster doesn't have any more goes when it is in the way: their subnets are given to others at once.
   *
   * Errors: `failed_precondition` for a network without addresses, or when something else has them; or as the runtime's.
   */
  async ensure(network: LocalNetwork, { signal, known }: BridgeOptions): Promise<void> {
    const { runtime } = this.#options;
    const wanted = this.#wanted(network);
    try {
      await runtime.ensureNetwork(wanted, { signal });
    } catch (error) {
      if (!(await this.#makeRoom(wanted.name, { error, known, signal }))) throw error;
      await runtime.ensureNetwork(wanted, { signal });
    }
  }

  /** Whether there may be room now for a network that the engine has refused. */
  async #makeRoom(
    name: string,
    { error, known, signal }: BridgeOptions & { readonly error: unknown },
  ): Promise<boolean> {
    const { guests, log } = this.#options;
    const code = codeOf(error);
    if (code === "failed_precondition") {
      await this.removeAllBut(known, { signal });
      return true;
    }
    if (code !== "in_use" || (await this.#isOwn(name, { signal }))) return false;
    log.warn("containers are taken out of a network that this host had as another node", { network: name });
    await guests.evict(name, { signal });
    return true;
  }

  async #isOwn(name: string, options: Abortable): Promise<boolean> {
    const { runtime, clusterId, nodeId } = this.#options;
    return (await runtime.networks(ownerLabels(clusterId, nodeId), options)).includes(name);
  }

  removeAllBut(needed: () => ReadonlySet<NetworkId>, options: Abortable): Promise<void> {
    return removeEngineNetworks(this.#options, needed, options);
  }

  /**
   * Makes this node's own what the engine still has of these networks from another node, which this host was before it was
   * wiped: its bridges have the same names, and it would go on giving addresses of that node's share. From what is left of
   * others that the cluster has everybody is taken out. What can't be had yet, as a container that is being stopped is in
   * it, is for the next time. Whether any was made anew.
   */
  async replaceFormer(networks: readonly LocalNetwork[], options: BridgeOptions): Promise<boolean> {
    const wanted = new Map(networks.map((network) => [engineNetworkName(network), network]));
    let isAnyNew = false;
    for (const name of await this.#former(options)) {
      const network = wanted.get(name);
      if (network !== undefined) isAnyNew = (await this.#isHad(network, options)) || isAnyNew;
      else if (isNameOf(name, options.known())) await this.#options.guests.evict(name, options);
    }
    return isAnyNew;
  }

  /** Takes everybody out of this node's networks who isn't a task's container: they run on, without addresses of its share. */
  async evictGuests(options: Abortable): Promise<void> {
    const { runtime, guests, clusterId, nodeId } = this.#options;
    for (const name of await runtime.networks(ownerLabels(clusterId, nodeId), options))
      await guests.evict(name, { ...options, guestsOnly: true });
  }

  /** The engine's networks of this cluster that aren't this node's. */
  async #former(options: Abortable): Promise<readonly string[]> {
    const { runtime, clusterId, nodeId } = this.#options;
    const all = await runtime.networks(clusterLabels(clusterId), options);
    // After all of them: one that is being made just now is among its own.
    const own = new Set(await runtime.networks(ownerLabels(clusterId, nodeId), options));
    return all.filter((name) => !own.has(name));
  }

  async #isHad(network: LocalNetwork, options: BridgeOptions): Promise<boolean> {
    try {
      await this.ensure(network, options);
      return true;
    } catch (error) {
      if (codeOf(error) !== "in_use") throw error;
      return false;
    }
  }

  #wanted(network: LocalNetwork): EngineNetwork {
    const { id, addressing, share, internal = false } = network;
    const { clusterId, nodeId, underlay } = this.#options;
    if (addressing === undefined)
      throw new ClusterError("failed_precondition", `network ${network.name} has no addresses for tasks`);
    const { ipv4, ipv6 } = addressing;
    return {
      name: engineNetworkName(network),
      labels: { ...ownerLabels(clusterId, nodeId), [NETWORK]: id },
      bridge: bridgeOf(id),
      ipv4: { ...subnetOf(ipv4), range: share?.ipv4 ?? `${ipv4.gateway}/32` },
      ...(ipv6 !== undefined && { ipv6: { ...subnetOf(ipv6), range: share?.ipv6 ?? `${ipv6.gateway}/128` } }),
      mtu: mtuOf(network, underlay),
      internal,
    };
  }
}

const subnetOf = ({ subnet, gateway, auxiliary }: Subnet) => ({
  subnet,
  gateway,
  ...(auxiliary !== undefined && { auxiliary }),
});

/**
 * Removes what a node's engine has for its cluster, but for the networks that are `needed`, asked before each, and those in
 * use. Also what the engine has from another node that this host was before it was wiped: a subnet of those is given to
 * another network some day, which could not be made as long as the old one is there.
 */
export async function removeEngineNetworks(
  { runtime, clusterId }: Pick<ClusterBridgesOptions, "runtime" | "clusterId">,
  needed: () => ReadonlySet<NetworkId>,
  options: Abortable,
): Promise<void> {
  for (const name of await runtime.networks(clusterLabels(clusterId), options)) {
    if (isNameOf(name, needed())) continue;
    try {
      await runtime.removeNetwork(name, options);
    } catch (error) {
      // A container is in it: it goes with the last one.
      if (codeOf(error) !== "failed_precondition") throw error;
    }
  }
}
