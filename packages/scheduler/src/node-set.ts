import type { NodeId } from "@murmur/base";
import { networkId, nodesMax, type ClusterNode, type Network, type NetworkId, type Task } from "@murmur/model";
import type { Change, View } from "@murmur/store";
import { NodeLoad } from "./node-load.ts";
import type { NetworkRoom } from "./requirement.ts";

/**
 * What every node has free and holds, kept up to date by the store's changes, so that one change costs the same in a
 * large cluster as in a small one. Invariant: equal to `NodeSet.of(view)` when every change up to that view came in.
 */
export class NodeSet {
  readonly #loads = new Map<NodeId, NodeLoad>();
  readonly #networks = new Map<NetworkId, NetworkRoom>();

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
    this.#at(id).node = node;
    this.#dropWhenEmpty(id);
  }

  #hold(task: Task): void {
    if (task.nodeId === undefined) return;
    this.#at(task.nodeId).hold(task);
    this.#dropWhenEmpty(task.nodeId);
  }

  #release(task: Task): void {
    if (task.nodeId === undefined) return;
    this.#at(task.nodeId).release(task);
    this.#dropWhenEmpty(task.nodeId);
  }

  #at(id: NodeId): NodeLoad {
    let load = this.#loads.get(id);
    if (load === undefined) this.#loads.set(id, (load = new NodeLoad(id)));
    return load;
  }

  #dropWhenEmpty(id: NodeId): void {
    if (this.#loads.get(id)?.empty === true) this.#loads.delete(id);
  }
}
