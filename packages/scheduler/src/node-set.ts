import type { NodeId } from "@murmur/base";
import {
  networkId,
  nodesMax,
  type ClusterNode,
  type Network,
  type NetworkId,
  type ServiceId,
  type Task,
} from "@murmur/model";
import type { Change, View } from "@murmur/store";
import { DemandSums, type Demand } from "./demand.ts";
import { Journal } from "./journal.ts";
import { Homes } from "./homes.ts";
import { NodeLoad } from "./node-load.ts";
import { Ranking, rankingKey, type RankingOptions } from "./ranking.ts";
import type { NetworkRoom, Requirement } from "./requirement.ts";

/**
 * Rankings are kept for the kinds of tasks that come again and again, and for the services on most of the nodes; the one
 * used least recently goes. So many nodes in all of them together, some 30 MB; but always some of them.
 */
const RANKED_NODES_MAX = 200_000;
const RANKINGS_MIN = 8;
const RANKINGS_MAX = 1_000;
/** Changes that are remembered for rankings: with more to catch up with, reading all nodes anew is as quick. */
const CHANGES_PER_NODE = 2;
const CHANGES_MIN = 1_024;

/**
 * What every node has free and holds, kept up to date by the store's changes, so that one change costs the same in a
 * large cluster as in a small one. Invariant: equal to `NodeSet.of(view)` when every change up to that view came in.
 */
export class NodeSet {
  readonly #loads = new Map<NodeId, NodeLoad>();
  readonly #networks = new Map<NetworkId, NetworkRoom>();
  /** The nodes that have tasks of a service, or had some that failed. */
  readonly #concerned = new Map<ServiceId, Set<NodeLoad>>();
  readonly homes = new Homes();
  /** The nodes that hold a volume, by its name. */
  readonly #holders = new Map<string, Set<NodeLoad>>();
  readonly #demand = new DemandSums();
  readonly #journal = new Journal<NodeLoad>(() => Math.max(CHANGES_MIN, CHANGES_PER_NODE * this.#loads.size));
  /** The one used last comes last. */
  readonly #rankings = new Map<string, Ranking>();

  /** Builds the whole set. */
  static of(view: View): NodeSet {
    const set = new NodeSet();
    for (const network of view.networks()) set.#setNetwork(network.id, network);
    for (const node of view.nodes()) set.#setNode(node.id, node);
    for (const task of view.tasks()) set.#hold(task);
    return set;
  }

  get size(): number {
    return this.#loads.size;
  }

  load(id: NodeId): NodeLoad | undefined {
    return this.#loads.get(id);
  }

  /** Nodes that were removed while records of their tasks remain are among them, without a `node`. */
  loads(): Iterable<NodeLoad> {
    return this.#loads.values();
  }

  /** The nodes that have tasks of a service, or had some that failed. */
  concernedBy(service: ServiceId): ReadonlySet<NodeLoad> {
    return this.#concerned.get(service) ?? NONE;
  }

  /** The nodes that hold a volume of this name, whether they can be reached or not. */
  holdersOf(volume: string): ReadonlySet<NodeLoad> {
    return this.#holders.get(volume) ?? NONE;
  }

  /** The nodes with room for such a task, in order; up to date until something is placed or changes. */
  ranking(requirement: Requirement): Ranking {
    return this.#rankingAt(rankingKey(requirement), { requirement, ofService: false });
  }

  /** The same for one service that has tasks on many nodes. */
  rankingOfService(requirement: Requirement): Ranking {
    return this.#rankingAt(`${requirement.serviceId} ${rankingKey(requirement)}`, { requirement, ofService: true });
  }

  #rankingAt(key: string, options: Omit<RankingOptions, "journal">): Ranking {
    const ranking = this.#rankings.get(key) ?? new Ranking(this, { ...options, journal: this.#journal });
    this.#rankings.delete(key);
    this.#rankings.set(key, ranking);
    const [oldest] = this.#rankings.keys();
    const most = Math.max(RANKINGS_MIN, RANKED_NODES_MAX / Math.max(1, this.#loads.size));
    if (this.#rankings.size > Math.min(most, RANKINGS_MAX) && oldest !== undefined) this.#rankings.delete(oldest);
    ranking.catchUp();
    return ranking;
  }

  /** Counts in a task that a running batch places; `unplace` takes it out when the batch is done. */
  place(load: NodeLoad, requirement: Requirement): void {
    load.place(requirement);
    this.#noteService(load, requirement.serviceId);
  }

  unplace(load: NodeLoad, requirement: Requirement): void {
    load.unplace(requirement);
    this.#noteService(load, requirement.serviceId);
  }

  /** What tasks that have or want generic resources ask for beside them. */
  get demand(): Demand {
    return this.#demand.demand;
  }

  /** The networks that only so many nodes can be in. */
  get networks(): ReadonlyMap<NetworkId, NetworkRoom> {
    return this.#networks;
  }

  /** Takes a change of the store in; only changes of nodes, networks and tasks make a difference. */
  apply(change: Change): void {
    if (change.table === "nodes") {
      const record = change.current ?? change.previous;
      if (record !== undefined) this.#setNode(record.id, change.current);
    } else if (change.table === "networks") {
      this.#setNetwork(networkId(change.id), change.current);
    } else if (change.table === "tasks") {
      if (change.previous !== undefined) this.#release(change.previous);
      if (change.current !== undefined) this.#hold(change.current);
    }
  }

  #setNetwork(id: NetworkId, network: Network | undefined): void {
    const { spec, addressing } = network ?? {};
    if (spec === undefined || addressing === undefined) this.#networks.delete(id);
    else this.#networks.set(id, { name: spec.name, nodesMax: nodesMax(addressing) });
  }

  #setNode(id: NodeId, node: ClusterNode | undefined): void {
    const load = this.#at(id);
    const before = load.volumes;
    load.node = node;
    if (load.volumes !== before) this.#noteVolumes(load, before);
    this.#journal.note(load);
    this.#dropWhenEmpty(load);
  }

  #noteVolumes(load: NodeLoad, before: readonly string[]): void {
    for (const name of before) {
      const holders = this.#holders.get(name);
      if (holders?.delete(load) === true && holders.size === 0) this.#holders.delete(name);
    }
    for (const name of load.volumes) {
      const holders = this.#holders.get(name);
      if (holders === undefined) this.#holders.set(name, new Set([load]));
      else holders.add(load);
    }
  }

  #hold(task: Task): void {
    this.#demand.count(task, 1);
    if (task.nodeId === undefined) return;
    const load = this.#at(task.nodeId);
    load.hold(task);
    this.homes.hold(task);
    this.#noteService(load, task.serviceId);
    this.#dropWhenEmpty(load);
  }

  #release(task: Task): void {
    this.#demand.count(task, -1);
    if (task.nodeId === undefined) return;
    const load = this.#at(task.nodeId);
    load.release(task);
    this.homes.release(task);
    this.#noteService(load, task.serviceId);
    this.#dropWhenEmpty(load);
  }

  /** To be called when what a node holds of a service has changed. */
  #noteService(load: NodeLoad, service: ServiceId): void {
    this.#journal.note(load);
    const concerned = this.#concerned.get(service);
    if (load.concerns(service)) {
      if (concerned === undefined) this.#concerned.set(service, new Set([load]));
      else concerned.add(load);
    } else if (concerned?.delete(load) === true && concerned.size === 0) this.#concerned.delete(service);
  }

  #at(id: NodeId): NodeLoad {
    let load = this.#loads.get(id);
    if (load === undefined) this.#loads.set(id, (load = new NodeLoad(id)));
    return load;
  }

  #dropWhenEmpty(load: NodeLoad): void {
    if (load.empty) this.#loads.delete(load.id);
  }
}

const NONE: ReadonlySet<NodeLoad> = new Set();
