import type { Abortable, Container, ContainerNetworks, LocalPlace, TaskNetworks, TidyOptions } from "@murmur/agent";
import { ClusterError, codeOf, messageOf } from "@murmur/base";
import { ZONE } from "@murmur/discovery";
import { engineNetworkName, type NetworkAddress, type NetworkId, type Task, type TaskId } from "@murmur/model";
import { macOf, type LocalNetwork, type OverlayPlane } from "@murmur/network";
import type { LocalNetworks } from "./local-networks.ts";
import type { ClusterBridges } from "./cluster-bridges.ts";

/** Names are asked for as they are, first: the node knows them without the zone, and not every resolver has a list to search. */
const RESOLVER_OPTIONS = ["ndots:0", "timeout:1", "attempts:2"] as const;

export interface OverlayNetworksOptions {
  readonly plane: Pick<
    OverlayPlane,
    "network" | "networks" | "known" | "ownAttachable" | "attach" | "detach" | "expect" | "resolveBy" | "repair"
  >;
  readonly bridges: Pick<ClusterBridges, "ensure" | "removeAllBut" | "replaceFormer" | "evictGuests">;
  /** Left out where no network is of that kind. */
  readonly local?: Pick<LocalNetworks, "ensure" | "removeAllBut">;
  /** Has a file of this text, to be a container's resolv.conf, and resolves with its path. No two write at once as one writer. */
  readonly resolverFile: (text: string, writer: string) => Promise<string>;
}

/** One network of a task: what the cluster says of it, and the task's address in it. */
interface Joined {
  readonly entry: LocalNetwork;
  readonly address: NetworkAddress;
}

/** The overlay's side of this node's tasks: their networks in the engine, their resolver, their place in the data plane. */
export class OverlayNetworks implements TaskNetworks {
  readonly #options: OverlayNetworksOptions;

  constructor(options: OverlayNetworksOptions) {
    this.#options = options;
  }

  async prepare(task: Task, options: Abortable): Promise<ContainerNetworks> {
    const joined = this.#joined(task);
    for (const { entry } of joined) await this.#ensure(entry, options);
    const attached = joined.map(({ entry, address }) => ({
      ...address,
      name: engineNetworkName(entry),
      mac: macOf(address.ipv4),
      ...driverOptionsIn(task, entry.id),
    }));
    const local = await this.#localPlaces(task, options);
    this.#resolveBy(task);
    const resolvConf = await this.#resolvConf(task, joined);
    return { attached, ...(local.length > 0 && { local }), ...(resolvConf !== undefined && { resolvConf }) };
  }

  async attach(task: Task, { netns, pid }: Container, options: Abortable): Promise<void> {
    const addresses = addressesOf(task).map(([networkId, address]) => ({ networkId, ...address }));
    // In its node's own networks alone: there is nothing to render for it.
    if (addresses.length === 0) return this.detach(task.id);
    const path = netns ?? (pid > 0 ? `/proc/${String(pid)}/ns/net` : undefined);
    if (path === undefined) throw new ClusterError("unavailable", "the container has no network namespace");
    // Of a container that an earlier process of this node has prepared.
    this.#resolveBy(task);
    await this.#options.plane.attach(task.id, { netns: path, addresses }, options);
  }

  detach(task: TaskId): void {
    this.#options.plane.detach(task);
  }

  expect(tasks: readonly TaskId[]): void {
    this.#options.plane.expect(tasks);
  }

  async tidy(tasks: () => readonly Task[], { isOut = false, ...options }: TidyOptions): Promise<void> {
    const { plane, bridges } = this.#options;
    // Not only with the last of the tasks, which may take a minute to stop: the share may be another node's by now.
    if (isOut) await bridges.evictGuests(options);
    // Until the cluster has said what there is, everything may be needed.
    const needed = plane.networks();
    if (needed === undefined) return;
    const isAnyNew = await bridges.replaceFormer(needed, { ...options, known: () => plane.known() });
    await bridges.removeAllBut(() => {
      const own = tasks().flatMap(({ networks }) => networks.map(({ networkId }) => networkId));
      return new Set([...own, ...(plane.networks() ?? []).map(({ id }) => id)]);
    }, options);
    const named = (): NetworkId[] => tasks().flatMap(({ spec }) => spec.networks.map(({ target }) => target));
    // A container that was stopped by hand goes back to where it was.
    await this.#options.local?.removeAllBut(() => new Set([...named(), ...plane.ownAttachable()]), options);
    // What was rendered on the bridge of before has gone with it.
    if (isAnyNew) await plane.repair();
  }

  /**
   * Has the engine make its own network of one of the cluster's that each node has of itself; its name there. Errors:
   * `unavailable` while this node hasn't been told of it, and as `LocalNetworks.ensure`.
   */
  async ownNetwork(id: NetworkId, options: Abortable): Promise<string> {
    const { plane, local } = this.#options;
    const entry = plane.network(id);
    if (entry === undefined || local === undefined)
      throw new ClusterError("unavailable", `this node has not been told of network ${id} yet`);
    return local.ensure(entry, options);
  }

  /** Its places in networks that this node has of its own: the service's name is an alias there, as in Docker. */
  async #localPlaces({ spec, serviceName }: Task, options: Abortable): Promise<readonly LocalPlace[]> {
    const { plane, local } = this.#options;
    const places: LocalPlace[] = [];
    for (const { target, aliases } of spec.networks) {
      const entry = plane.network(target);
      if (entry === undefined)
        throw new ClusterError("unavailable", `this node has not been told of network ${target} yet`);
      if (entry.local === undefined || local === undefined) continue;
      const name = await local.ensure(entry, options);
      const own = driverOptionsIn({ spec }, target);
      places.push({ name, aliases: [...new Set([serviceName, ...aliases])], ...own });
    }
    return places;
  }

  /**
   * Errors: `in_use` when the engine has another network with this subnet: of a network of the cluster that is gone, with a
   * container in it that is being stopped.
   */
  async #ensure(entry: LocalNetwork, { signal }: Abortable): Promise<void> {
    const { plane, bridges } = this.#options;
    try {
      await bridges.ensure(entry, { signal, known: () => plane.known() });
    } catch (error) {
      if (codeOf(error) !== "failed_precondition") throw error;
      throw new ClusterError("in_use", messageOf(error), { cause: error });
    }
  }

  #joined(task: Task): readonly Joined[] {
    return addressesOf(task).map(([id, address]) => {
      const entry = this.#options.plane.network(id);
      if (entry !== undefined) return { entry, address };
      throw new ClusterError("unavailable", `this node has not been told of network ${id} yet`);
    });
  }

  /** The cluster's names are the node's to answer, for others it asks whom the spec names: as Docker's own resolver. */
  #resolveBy(task: Task): void {
    const addresses = addressesOf(task).map(([networkId, address]) => ({ networkId, ...address }));
    if (addresses.length === 0) return;
    this.#options.plane.resolveBy(task.id, addresses, task.spec.container.dns?.nameservers);
  }

  /** The path of the file for the container. */
  async #resolvConf({ id, spec }: Task, [first]: readonly Joined[]): Promise<string | undefined> {
    const gateway = first?.entry.addressing?.ipv4.gateway;
    const { search = [ZONE], options = [] } = spec.container.dns ?? {};
    if (gateway === undefined) return undefined;
    const lines = [
      `nameserver ${gateway}`,
      ...(search.length === 0 ? [] : [`search ${search.join(" ")}`]),
      `options ${[...RESOLVER_OPTIONS, ...options].join(" ")}`,
    ];
    return this.#options.resolverFile(`${lines.join("\n")}\n`, id);
  }
}

/** What its spec has the engine's driver told of its place in a network. */
function driverOptionsIn({ spec }: Pick<Task, "spec">, id: NetworkId) {
  const options = spec.networks.find(({ target }) => target === id)?.driverOptions;
  return options === undefined ? {} : { driverOptions: options };
}

/** By network, in the task's order. Errors: `failed_precondition` for a task that was given none. */
function addressesOf({ networks, addresses }: Task): readonly (readonly [NetworkId, NetworkAddress])[] {
  return networks.map(({ networkId }, at) => {
    const address = addresses?.[at];
    if (address !== undefined) return [networkId, address] as const;
    throw new ClusterError("failed_precondition", `the task has no address in network ${networkId}`);
  });
}
