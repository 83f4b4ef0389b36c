import { assert } from "@murmur/base";
import type { HardState, Index } from "./types.ts";

interface PendingWrite {
  readonly number: number;
  readonly hardState: HardState;
  /** What of the present log is durable once this write and those before it are. Lowered when the log is cut. */
  last: Index;
}

/**
 * What was given to storage and is not reported durable yet. Writes are named by number, not by index and term: an
 * entry may be written, overwritten and written again, and the report of the first write must not count for the third.
 */
export class PendingWrites {
  #writes: PendingWrite[] = [];
  #number = 0;
  #stable: Index;
  /** Invariant: #stable <= #handed; storage was given the log up to here as it stands now. */
  #handed: Index;
  #durable: HardState;

  constructor(stable: Index, durable: HardState) {
    this.#stable = stable;
    this.#handed = stable;
    this.#durable = durable;
  }

  /** All entries up to here are durable as they stand in the log now. */
  get stable(): Index {
    return this.#stable;
  }
  /** Storage was given all entries up to here. */
  get handed(): Index {
    return this.#handed;
  }
  /** The newest hard state known to be durable. */
  get durable(): HardState {
    return this.#durable;
  }

  /** Notes that the log up to `last`, and this hard state, are on their way to storage. Returns the write's number. */
  begin(last: Index, hardState: HardState): number {
    this.#number += 1;
    this.#handed = last;
    this.#writes.push({ number: this.#number, hardState, last });
    return this.#number;
  }

  /** The write of this number and all before it are durable. A number reported before is ignored. */
  finish(number: number): void {
    assert(number <= this.#number, "only what was handed out can become durable");
    const open = this.#writes.findIndex((write) => write.number > number);
    const done = open === -1 ? this.#writes.splice(0) : this.#writes.splice(0, open);
    const newest = done.at(-1);
    if (newest === undefined) return;
    this.#stable = Math.max(this.#stable, newest.last);
    this.#durable = newest.hardState;
  }

  /** The log no longer holds what it held after `last`: no report of an older write may claim it. */
  cut(last: Index): void {
    this.#stable = Math.min(this.#stable, last);
    this.#handed = Math.min(this.#handed, last);
    for (const write of this.#writes) write.last = Math.min(write.last, last);
  }
}
