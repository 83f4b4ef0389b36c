import { unpermitted, type ClusterNode } from "@murmur/model";
import { FILTERS, isAdmitted, type Filter } from "./filter.ts";
import type { Journal } from "./journal.ts";
import type { NodeLoad } from "./node-load.ts";
import type { Requirement } from "./requirement.ts";
import { ORDERS, Score } from "./score.ts";
import { SortedHeap, type Placed } from "./sorted-heap.ts";

/** Equal for tasks that may be given to the same nodes in the same order, as far as no service is concerned. */
export function rankingKey(requirement: Requirement): string {
  const { constraints, platforms, plugins, networks, nanoCpus, memoryBytes, generic, strategy } = requirement;
  const demand = strategy === "binpack" ? [...requirement.demand] : [];
  const permitted = requirement.devices === undefined ? [] : unpermitted(requirement.devices);
  const rest = [demand, generic, requirement.genericNames, constraints, platforms, plugins, networks, permitted];
  const key = `${strategy} ${String(nanoCpus)} ${String(memoryBytes)}`;
  return rest.every(({ length }) => length === 0) ? key : `${key} ${JSON.stringify(rest)}`;
}

/** The nodes of a set, as far as a ranking has to know them. One that is empty is not among them any more. */
export interface RankedNodes {
  loads(): Iterable<NodeLoad>;
}

export interface RankingOptions {
  readonly requirement: Requirement;
  /** Whether it is for tasks of this one service, which then count; else for all services whose tasks ask for the same. */
  readonly ofService: boolean;
  readonly journal: Journal<NodeLoad>;
}

interface Entry extends Placed {
  readonly score: Score;
  /** The record that `suits` is about. */
  node: ClusterNode | undefined;
  /** Whether the node passes the filters that only look at its record. */
  suits: boolean;
  /** How far the journal had been read when this was last brought up to date. */
  asOf: number;
}

/**
 * The nodes that have room for one kind of task, in the order in which a service that has nothing anywhere would be given
 * them; that of one service: in the order in which it would be, did none of its tasks fail and mount volumes. It follows the changes of the nodes, so that placing a task takes time in proportion to what has changed.
 * Invariant: after `catchUp` it equals one that is made anew.
 */
export class Ranking {
  readonly #nodes: RankedNodes;
  readonly #requirement: Requirement;
  readonly #ofService: boolean;
  readonly #journal: Journal<NodeLoad>;
  readonly #lasting: readonly Filter[];
  readonly #room: readonly Filter[];
  readonly #entries = new Map<NodeLoad, Entry>();
  readonly #fitting: SortedHeap<Entry>;
  /** How far the journal has been read; undefined before the first time. */
  #read: number | undefined;

  constructor(nodes: RankedNodes, { requirement, ofService, journal }: RankingOptions) {
    this.#nodes = nodes;
    this.#requirement = requirement;
    this.#ofService = ofService;
    this.#journal = journal;
    const applying = FILTERS.filter((filter) => filter.applies(requirement));
    this.#lasting = applying.filter(({ looksAt }) => looksAt === "node");
    this.#room = applying.filter(({ looksAt }) => looksAt === "room");
    const order = ORDERS[requirement.strategy];
    this.#fitting = new SortedHeap((a, b) => order(a.score, b.score));
  }

  /** How many nodes have room. */
  get size(): number {
    return this.#fitting.size;
  }

  /** The nodes that have room, in no particular order. */
  loads(): readonly NodeLoad[] {
    return this.#fitting.items().map(({ score }) => score.load);
  }

  /** Gives out the nodes that have room, best first. Not to be called on after the ranking has caught up with later changes. */
  inOrder(): () => NodeLoad | undefined {
    const next = this.#fitting.inOrder();
    return () => next()?.score.load;
  }

  has(load: NodeLoad): boolean {
    return (this.#entries.get(load)?.at ?? -1) >= 0;
  }

  /** Takes in what has changed since the last time. */
  catchUp(): void {
    const { end } = this.#journal;
    if (this.#read === end) return;
    const changed = this.#read === undefined ? undefined : this.#journal.since(this.#read);
    this.#read = end;
    if (changed !== undefined) {
      for (const load of changed) this.#refresh(load, end);
      return;
    }
    for (const { score } of this.#entries.values()) this.#refresh(score.load, end);
    for (const load of this.#nodes.loads()) this.#refresh(load, end);
  }

  #refresh(load: NodeLoad, end: number): void {
    let entry = this.#entries.get(load);
    if (load.empty) {
      if (entry !== undefined) this.#fitting.remove(entry);
      this.#entries.delete(load);
      return;
    }
    if (entry === undefined) {
      entry = { at: -1, score: new Score(load), node: undefined, suits: false, asOf: -1 };
      this.#entries.set(load, entry);
    }
    // A node that is placed on often is in the journal as often.
    if (entry.asOf === end) return;
    entry.asOf = end;
    if (entry.node !== load.node) {
      entry.node = load.node;
      entry.suits = isAdmitted(load, this.#requirement, this.#lasting);
    }
    if (entry.suits && isAdmitted(load, this.#requirement, this.#room)) {
      if (this.#ofService) entry.score.readTasks(this.#requirement);
      else entry.score.readRoom(this.#requirement);
      this.#fitting.put(entry);
    } else this.#fitting.remove(entry);
  }
}
