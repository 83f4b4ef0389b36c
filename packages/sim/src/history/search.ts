import { assert } from "@murmur/base";
import { CallOrder } from "./call-order.ts";
import type { Operation } from "./history.ts";
import type { Model } from "./model.ts";
import { IMPOSSIBLE, ObjectStates, type Step } from "./object-states.ts";

export interface SearchProblem<State, Input, Output> {
  readonly model: Model<State, Input, Output>;
  /** The objects to be looked at; what operations do to others is passed over. */
  readonly objects: readonly string[];
  /** In the order of their calls. Each concerns one of the objects at least. */
  readonly operations: readonly Operation<Input, Output>[];
  /** The most configurations that are looked at. */
  readonly stepsMax: number;
  readonly rankOf?: RankOf<Input, Output>;
}

/**
 * A guess at an operation's place in the order, from what it or others were told (a version); ways are tried in this
 * order. Only the speed depends on it: with good guesses a good history is found good without a step back.
 */
export type RankOf<Input, Output> = (operation: Operation<Input, Output>) => number | undefined;

export interface SearchResult<Input, Output> {
  readonly kind: "ok" | "violation" | "undecided";
  /** Every operation that returned, in an order that explains the history; else the longest such beginning found. */
  readonly order: readonly Operation<Input, Output>[];
  /** What had to come next and can't, after `order`. */
  readonly stuck: readonly Operation<Input, Output>[];
  /** The objects that `stuck` are about, as they are after `order`. */
  readonly states: readonly string[];
  readonly steps: number;
}

/** An operation to be placed. */
interface Item<Input, Output> extends Step<Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly called: number;
  /** Infinite when the outcome is unknown. */
  readonly returned: number;
  readonly rank: number | undefined;
  /** Among those that returned, or among those of unknown outcome. */
  readonly at: number;
  /** Which of the problem's objects it is about. */
  readonly objects: readonly number[];
  readonly isReadOnly: boolean;
}

/** One way to go on: an operation and the states that the objects have after it, in the order of `item.objects`. */
interface Way<Input, Output> {
  readonly item: Item<Input, Output>;
  readonly next: readonly number[];
}

/** What was placed, and what undoes it. */
interface Placed<Input, Output> {
  readonly item: Item<Input, Output>;
  readonly previous: readonly number[];
  readonly top: number;
}

/**
 * Looks for an order of all operations that returned, and of some of unknown outcome, that keeps real time (what
 * returned before another was called comes first) and that the model accepts.
 *
 * The search is that of Wing & Gong (Testing and Verifying Concurrent Objects, 1993): take any operation that nothing
 * has to precede, follow the model, go back when it gets stuck. A configuration, the set of placed operations and the
 * state, is looked at once: Lowe (Testing for Linearizability, 2017), as Horn & Kroening's and Porcupine's checkers do.
 * Two more cuts keep real histories linear:
 *
 * - A read that fits and leaves what is known as it is, is placed at once and never taken back: any order with it
 *   further on is as good with it here.
 * - An operation of unknown outcome is only tried when one on the same object can't be placed, or would change that
 *   object (Lowe's just-in-time rule, the other way round): in any valid order it can be moved behind operations on
 *   other objects and behind reads that it doesn't matter to. Without this rule each doubles the search.
 */
export function search<State, Input, Output>(
  problem: SearchProblem<State, Input, Output>,
): SearchResult<Input, Output> {
  return new Search(problem).run();
}

class Search<State, Input, Output> {
  readonly #stepsMax: number;
  readonly #tables: readonly ObjectStates<State, Input, Output>[];
  /** The state of each object, by number. `#stateWords` is the same memory, for keys. */
  readonly #state: Uint32Array;
  readonly #stateWords: Uint16Array;
  /** Those that returned, by calls. */
  readonly #items: readonly Item<Input, Output>[];
  readonly #waiting: CallOrder;
  /** Those of unknown outcome, by object. */
  readonly #unknownOf: readonly (readonly Item<Input, Output>[])[];
  readonly #unknownPlaced: Uint16Array;
  readonly #trail: Placed<Input, Output>[] = [];
  /** Where there was a choice. Invariant: of `ways`, those before `next` were tried from `#trail[0..trail)`. */
  readonly #forks: { readonly trail: number; readonly ways: readonly Way<Input, Output>[]; next: number }[] = [];
  readonly #seen = new Set<string>();
  #steps = 0;
  #placedCount = 0;
  #best: { readonly placedCount: number; readonly result: Omit<SearchResult<Input, Output>, "kind" | "steps"> };

  constructor({ model, objects, operations, stepsMax, rankOf }: SearchProblem<State, Input, Output>) {
    const slots = new Map(objects.map((object, slot) => [object, slot]));
    const all = objects.map((_, slot) => slot);
    const items: Item<Input, Output>[] = [];
    const unknown: Item<Input, Output>[] = [];
    for (const operation of operations) {
      const { input, ending, called } = operation;
      if (ending.kind === "not_executed") continue;
      const output = ending.kind === "returned" ? ending.output : undefined;
      const isReadOnly = model.isReadOnly(input, output);
      if (ending.kind === "unknown" && isReadOnly) continue;
      const object = model.objectOf(input);
      const slot = object === undefined ? undefined : slots.get(object);
      assert(object === undefined ? isReadOnly : slot !== undefined, "an operation is of one object, or a read of all");
      const list = ending.kind === "returned" ? items : unknown;
      list.push({
        operation,
        input,
        output,
        called: called.order,
        returned: ending.kind === "returned" ? ending.at.order : Infinity,
        rank: rankOf?.(operation),
        at: list.length,
        objects: slot === undefined ? all : [slot],
        isReadOnly,
      });
    }
    this.#stepsMax = stepsMax;
    this.#tables = objects.map((object) => new ObjectStates(model, object));
    this.#state = new Uint32Array(objects.length);
    this.#stateWords = new Uint16Array(this.#state.buffer);
    this.#items = items;
    this.#waiting = new CallOrder(items.length);
    this.#unknownOf = all.map((slot) => unknown.filter((item) => item.objects.includes(slot)));
    this.#unknownPlaced = new Uint16Array((unknown.length >> 4) + 1);
    this.#best = { placedCount: -1, result: { order: [], stuck: [], states: [] } };
  }

  run(): SearchResult<Input, Output> {
    for (;;) {
      this.#placeQuietReads();
      if (this.#waiting.first === this.#waiting.size) {
        return { kind: "ok", order: this.#order(), stuck: [], states: [], steps: this.#steps };
      }
      this.#steps += 1;
      const isNew = this.#isNew();
      const ways = isNew ? this.#ways() : [];
      if (isNew && ways.every(({ item }) => item.returned === Infinity)) this.#noteDeadEnd();
      this.#forks.push({ trail: this.#trail.length, ways, next: 0 });
      const over = this.#steps >= this.#stepsMax;
      if (over) this.#noteDeadEnd();
      if (over || !this.#goOn()) {
        return { kind: over ? "undecided" : "violation", ...this.#best.result, steps: this.#steps };
      }
    }
  }

  /** What may come next: called before every other that waits has returned. */
  *#candidates(): Generator<Item<Input, Output>, void, undefined> {
    let returned = Infinity;
    for (let at = this.#waiting.first; at !== this.#waiting.size; at = this.#waiting.after(at)) {
      const item = this.#items[at];
      if (item === undefined || item.called > returned) return;
      yield item;
      returned = Math.min(returned, item.returned);
    }
  }

  #placeQuietReads(): void {
    let returned = Infinity;
    for (let at = this.#waiting.first; at !== this.#waiting.size; at = this.#waiting.after(at)) {
      const item = this.#items[at];
      if (item === undefined || item.called > returned) return;
      if (item.isReadOnly && item.objects.every((slot) => this.#after(slot, item) === this.#state[slot])) {
        this.#place(
          item,
          item.objects.map((slot) => this.#state[slot] ?? 0),
        );
      } else {
        returned = Math.min(returned, item.returned);
      }
    }
  }

  /**
   * The ways to go on, by rank. What has none comes right before the operation that can't be placed without a change of
   * the same object, if there is one, else last; of two alike the first to return comes first.
   */
  #ways(): readonly Way<Input, Output>[] {
    const ways: Way<Input, Output>[] = [];
    // By object: the lowest rank of an operation that can't be placed because of it; infinite when there is none.
    const contested = new Map<number, number>();
    let returned = Infinity;
    for (const item of this.#candidates()) {
      returned = Math.min(returned, item.returned);
      const next = item.objects.map((slot) => this.#after(slot, item));
      for (const [at, slot] of item.objects.entries()) {
        if (item.isReadOnly && next[at] === this.#state[slot]) continue;
        const urgency = next[at] === IMPOSSIBLE ? (item.rank ?? Infinity) : Infinity;
        contested.set(slot, Math.min(urgency, contested.get(slot) ?? Infinity));
      }
      if (!next.includes(IMPOSSIBLE)) ways.push({ item, next });
    }
    for (const slot of contested.keys()) ways.push(...this.#unknownWays(slot, returned));
    const rankOf = ({ item }: Way<Input, Output>): number =>
      item.rank ?? item.objects.reduce((least, slot) => Math.min(least, contested.get(slot) ?? Infinity), Infinity);
    return ways
      .map((way) => ({ ...way, rank: rankOf(way) }))
      .sort((left, right) => compare(left.rank, right.rank) || compare(left.item.returned, right.item.returned));
  }

  /** The operations of unknown outcome that were called before a moment and would change the object. */
  *#unknownWays(slot: number, before: number): Generator<Way<Input, Output>, void, undefined> {
    for (const item of this.#unknownOf[slot] ?? []) {
      if (item.called > before) return;
      if (this.#isUnknownPlaced(item.at)) continue;
      const next = this.#after(slot, item);
      if (next !== IMPOSSIBLE && next !== this.#state[slot]) yield { item, next: [next] };
    }
  }

  #after(slot: number, item: Item<Input, Output>): number {
    return this.#tables[slot]?.after(this.#state[slot] ?? 0, item) ?? IMPOSSIBLE;
  }

  /** Takes the next way from the last fork that has one. False when there is none. */
  #goOn(): boolean {
    for (let fork = this.#forks.at(-1); fork !== undefined; fork = this.#forks.at(-1)) {
      while (this.#trail.length > fork.trail) this.#takeBack();
      const choice = fork.ways[fork.next];
      fork.next += 1;
      if (choice !== undefined) {
        this.#place(choice.item, choice.next);
        return true;
      }
      this.#forks.pop();
    }
    return false;
  }

  #place(item: Item<Input, Output>, next: readonly number[]): void {
    const previous = item.objects.map((slot) => this.#state[slot] ?? 0);
    for (const [at, slot] of item.objects.entries()) this.#state[slot] = next[at] ?? 0;
    let top = 0;
    if (item.returned === Infinity) {
      this.#flipUnknown(item.at);
    } else {
      top = this.#waiting.take(item.at);
      this.#placedCount += 1;
    }
    this.#trail.push({ item, previous, top });
  }

  #takeBack(): void {
    const placed = this.#trail.pop();
    if (placed === undefined) return;
    const { item, previous, top } = placed;
    for (const [at, slot] of item.objects.entries()) this.#state[slot] = previous[at] ?? 0;
    if (item.returned === Infinity) {
      this.#flipUnknown(item.at);
    } else {
      this.#waiting.putBack(item.at, top);
      this.#placedCount -= 1;
    }
  }

  #isUnknownPlaced(at: number): boolean {
    return ((this.#unknownPlaced[at >> 4] ?? 0) & (1 << (at & 15))) !== 0;
  }

  #flipUnknown(at: number): void {
    this.#unknownPlaced[at >> 4] = (this.#unknownPlaced[at >> 4] ?? 0) ^ (1 << (at & 15));
  }

  /** Whether this configuration is met for the first time. */
  #isNew(): boolean {
    const unknown = String.fromCharCode(...this.#unknownPlaced);
    const key = `${this.#waiting.key()}|${unknown}|${String.fromCharCode(...this.#stateWords)}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }

  /** Keeps the furthest point where nothing that returned could come next. */
  #noteDeadEnd(): void {
    if (this.#placedCount <= this.#best.placedCount) return;
    const stuck = [...this.#candidates()].filter((item) =>
      item.objects.some((slot) => this.#after(slot, item) === IMPOSSIBLE),
    );
    const slots = new Set(
      stuck.flatMap((item) => item.objects.filter((slot) => this.#after(slot, item) === IMPOSSIBLE)),
    );
    const states = [...slots].map((slot) => this.#tables[slot]?.describe(this.#state[slot] ?? 0) ?? "");
    const result = { order: this.#order(), stuck: stuck.map((item) => item.operation), states };
    this.#best = { placedCount: this.#placedCount, result };
  }

  #order(): readonly Operation<Input, Output>[] {
    return this.#trail.map(({ item }) => item.operation);
  }
}

/** Also of two that are infinite. */
const compare = (left: number, right: number): number => (left < right ? -1 : left > right ? 1 : 0);
