import { assert, unreachable } from "@murmur/base";
import type { Index } from "@murmur/model";

/** One change of one object. `value` is any text that tells its contents apart; undefined: the object is gone. */
export interface LoggedChange {
  readonly version: Index;
  readonly id: string;
  readonly value: string | undefined;
}

/** What a watcher was told, in order. */
export type WatchRecord =
  /** All objects, as of a version. */
  | { readonly kind: "snapshot"; readonly version: Index; readonly objects: ReadonlyMap<string, string> }
  | { readonly kind: "change"; readonly change: LoggedChange }
  /** The watcher fell behind: nothing that follows counts until a snapshot. */
  | { readonly kind: "resync" };

export interface WatchCheckOptions {
  /**
   * The truth: every change that was committed, in order, from an empty state on; several may have one version. What
   * the watch filters out is left out here as well.
   */
  readonly log: readonly LoggedChange[];
  /** The version that the stream must have come to at its end. Left out: a stream may end anywhere. */
  readonly reaches?: Index;
}

export interface WatchProblem {
  /** The record that is wrong, counted from 0; the number of records when the stream ends too early. */
  readonly record: number;
  /** One line: what was told, and what the log says. */
  readonly message: string;
}

/**
 * Whether a stream tells the truth: every snapshot is the state at its version, the changes after it are those of the
 * log, each once, in order, with no gap, and nothing goes back, not even over a resync. A snapshot may come at any time
 * in place of what was missed. Gives the first problem; undefined when there is none.
 */
export function checkWatch(
  records: readonly WatchRecord[],
  { log, reaches }: WatchCheckOptions,
): WatchProblem | undefined {
  const truth = new Truth(log);
  let reading: "nothing" | "changes" = "nothing";
  for (const [at, record] of records.entries()) {
    const message = wrongIn(record, { truth, reading });
    if (message !== undefined) return { record: at, message };
    reading = record.kind === "resync" ? "nothing" : "changes";
  }
  const missed = reaches === undefined || records.at(-1)?.kind === "resync" ? undefined : truth.next;
  if (missed !== undefined && reaches !== undefined && missed.version <= reaches) {
    return { record: records.length, message: `the stream ended before ${describe(missed)}` };
  }
  return undefined;
}

function wrongIn(
  record: WatchRecord,
  { truth, reading }: { readonly truth: Truth; readonly reading: "nothing" | "changes" },
): string | undefined {
  switch (record.kind) {
    case "resync":
      return undefined;
    case "snapshot": {
      if (record.version < truth.version) {
        return `a snapshot of version ${record.version} after version ${truth.version}: the stream went back`;
      }
      truth.advanceTo(record.version);
      return truth.difference(record.objects);
    }
    case "change": {
      const { change } = record;
      if (reading === "nothing") return `${describe(change)} came without a snapshot before it`;
      const due = truth.next;
      if (due !== undefined && same(due, change)) return truth.advance();
      const kind = change.version < truth.version ? "went back" : truth.was(change) ? "repeats itself" : undefined;
      if (kind !== undefined) return `${describe(change)} after version ${truth.version}: the stream ${kind}`;
      return `${describe(change)} was told, but next in the log is ${due === undefined ? "nothing" : describe(due)}`;
    }
    default:
      return unreachable(record);
  }
}

/** The state that the log leads to, one change after the other. */
class Truth {
  readonly #log: readonly LoggedChange[];
  readonly #objects = new Map<string, string>();
  #applied = 0;
  #version: Index = 0;

  constructor(log: readonly LoggedChange[]) {
    for (const [at, change] of log.entries()) {
      assert(at === 0 || (log[at - 1]?.version ?? 0) <= change.version, "the log is in the order of its versions");
    }
    this.#log = log;
  }

  /** The highest version that was told. */
  get version(): Index {
    return this.#version;
  }

  get next(): LoggedChange | undefined {
    return this.#log[this.#applied];
  }

  advance(): undefined {
    const change = this.next;
    if (change === undefined) return;
    this.#applied += 1;
    this.#version = Math.max(this.#version, change.version);
    if (change.value === undefined) this.#objects.delete(change.id);
    else this.#objects.set(change.id, change.value);
  }

  advanceTo(version: Index): void {
    for (let change = this.next; change !== undefined && change.version <= version; change = this.next) this.advance();
    this.#version = Math.max(this.#version, version);
  }

  /** Whether the change was told as one of the current version. */
  was(change: LoggedChange): boolean {
    for (let at = this.#applied - 1; at >= 0; at -= 1) {
      const told = this.#log[at];
      if (told === undefined || told.version < change.version) return false;
      if (same(told, change)) return true;
    }
    return false;
  }

  /** What of a snapshot is not as it should be; undefined when all is. */
  difference(objects: ReadonlyMap<string, string>): string | undefined {
    const at = `the snapshot of version ${this.#version}`;
    for (const [id, value] of this.#objects) {
      const shown = objects.get(id);
      if (shown === undefined) return `${at} lacks ${id}, which is ${value}`;
      if (shown !== value) return `${at} shows ${id} as ${shown}, and it is ${value}`;
    }
    for (const id of objects.keys()) if (!this.#objects.has(id)) return `${at} shows ${id}, which does not exist`;
    return undefined;
  }
}

const same = (left: LoggedChange, right: LoggedChange): boolean =>
  left.version === right.version && left.id === right.id && left.value === right.value;

const describe = ({ version, id, value }: LoggedChange): string =>
  `${value === undefined ? `the end of ${id}` : `${id} as ${value}`} at version ${version}`;
