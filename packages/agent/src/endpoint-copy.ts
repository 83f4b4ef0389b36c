import { changeTable, joinParts, tableDigest, type EndpointPart, type EndpointTable, type Index } from "@murmur/model";

/**
 * This node's copy of the cluster's endpoints, kept up by changes, over sessions and restarts. It is swapped as a whole,
 * once all parts of a change have come and what comes of it has the digest that its sender has: a copy that is not what a
 * manager has can't stay.
 */
export class EndpointCopy {
  #table: EndpointTable | undefined;
  /** Whether changes may build on it. */
  #isSound = false;
  /** Whether the whole table was asked for. */
  #isAwaited = false;
  /** Those that came of a change. */
  #parts: EndpointPart[] = [];

  /** What traffic follows; undefined as long as nothing was ever heard. */
  get table(): EndpointTable | undefined {
    return this.#table;
  }
  /** The version that a change may start from; 0: the whole table is needed. */
  get base(): Index {
    return this.#isSound ? (this.#table?.version ?? 0) : 0;
  }

  /** Takes up what was saved. */
  restore(table: EndpointTable): void {
    this.#table = table;
    this.#isSound = true;
  }

  /** A session begins: what came of a change on another one is worth nothing. */
  begin(): void {
    this.#parts = [];
    this.#isAwaited = false;
  }

  /**
   * `gap`: it doesn't build on what is held, or what came of it is not what it should be, and all must be sent anew. Said
   * once: until that comes, changes of what isn't held are passed over.
   */
  take(part: EndpointPart): "taken" | "gap" {
    if (part.from !== 0 && this.#isAwaited) return "taken";
    if (part.part === 0) this.#parts = [];
    const [first = part] = this.#parts;
    const isNext = part.part === this.#parts.length && part.from === first.from && part.version === first.version;
    if (!isNext || (part.from !== 0 && part.from !== this.base)) return this.#lost();
    this.#parts.push(part);
    return part.more ? "taken" : this.#finish();
  }

  #finish(): "taken" | "gap" {
    const change = joinParts(this.#parts);
    this.#parts = [];
    if (change === undefined) return "taken";
    const table = changeTable(this.#table, change);
    // A whole table is taken as it is: to ask for it again would bring the same.
    if (change.from !== 0 && tableDigest(table) !== change.digest) return this.#lost();
    this.#table = table;
    this.#isSound = true;
    this.#isAwaited = false;
    return "taken";
  }

  #lost(): "gap" {
    this.#parts = [];
    this.#isSound = false;
    this.#isAwaited = true;
    return "gap";
  }
}
