import type { NodeId } from "@murmur/base";
import type { ClusterFacts } from "@murmur/model";

/** Where the other nodes are, as far as this one has heard: what gossip says now, then the cluster, then old records. */
export class AddressBook {
  readonly #gossip: (id: NodeId) => string | undefined;
  #recorded = new Map<NodeId, string>();
  #facts: ClusterFacts | undefined;
  /** Nodes that say by gossip that they have a manager. */
  readonly #heard = new Set<NodeId>();
  /** The manager that the present generation of the cluster began with, if it was ever recovered or restored. */
  #founder: { readonly id: NodeId; readonly address: string } | undefined;

  constructor(
    gossip: (id: NodeId) => string | undefined,
    recorded: readonly { readonly id: NodeId; readonly address: string }[],
  ) {
    this.#gossip = gossip;
    for (const { id, address } of recorded) this.#recorded.set(id, address);
  }

  /** Takes over what the cluster says of its nodes. */
  learn(facts: ClusterFacts): void {
    this.#facts = facts;
    // A cluster that tells its nodes makes what was recorded at the join out of date.
    if (facts.nodes.length > 0) this.#recorded = new Map(facts.nodes.map(({ id, address }) => [id, address]));
  }

  /** A node has just answered there, whoever was there before. */
  found(id: NodeId, address: string): void {
    const others = [...this.#recorded].filter(([known]) => known !== id);
    this.#recorded = new Map([[id, address], ...others]);
  }

  /** Where to ask, besides all that are known: no node that is known may have heard of the new managers. */
  startFrom(founder: { readonly id: NodeId; readonly address: string }): void {
    this.#founder = founder;
  }

  /**
   * Gossip says whether a node has a manager. This node may have been away while all those changed that it knew: then
   * nobody it would ask is one, and nobody else would ever tell it.
   */
  hear(id: NodeId, manager: boolean): void {
    if (manager) this.#heard.add(id);
    else this.#heard.delete(id);
  }

  addressOf(id: NodeId): string | undefined {
    return this.#gossip(id) ?? this.#recorded.get(id) ?? (this.#founder?.id === id ? this.#founder.address : undefined);
  }

  idAt(address: string): NodeId | undefined {
    if (this.#founder?.address === address) return this.#founder.id;
    for (const [id, recorded] of this.#recorded) if (recorded === address) return id;
    return undefined;
  }

  /** Every node that is recorded, with its address; for finding the others after a restart. */
  all(): readonly { readonly id: NodeId; readonly address: string }[] {
    return [...this.#recorded].map(([id, recorded]) => ({ id, address: this.#gossip(id) ?? recorded }));
  }

  /** The nodes to try for a manager: those that are recorded as one, or say so themselves, else all. */
  managers(): readonly NodeId[] {
    const recorded = (this.#facts?.nodes ?? []).filter(({ raftRole }) => raftRole !== "none").map(({ id }) => id);
    const known = new Set([...recorded, ...this.#heard]);
    const candidates = known.size > 0 ? known : new Set(this.#recorded.keys());
    if (this.#founder !== undefined) candidates.add(this.#founder.id);
    return [...candidates];
  }
}
