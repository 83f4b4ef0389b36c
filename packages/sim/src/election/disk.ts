import type { NodeId, Random } from "@murmur/base";
import type { Ready, Term } from "@murmur/raft";
import { drawn, type Hardware } from "./conditions.ts";

export interface DiskOptions {
  /** Whose disk it is. */
  readonly owner: NodeId;
  readonly term: Term;
  readonly hardware: Hardware;
  readonly random: Random;
}

/** Makes one write at a time; all that comes meanwhile goes into the next one, as in the product's storage. */
export class Disk {
  readonly #owner: NodeId;
  readonly #hardware: Hardware;
  readonly #random: Random;
  #term: Term;
  #queued: Ready[] = [];
  #writing: readonly Ready[] = [];
  #doneAtMs = Infinity;

  constructor({ owner, term, hardware, random }: DiskOptions) {
    this.#owner = owner;
    this.#term = term;
    this.#hardware = hardware;
    this.#random = random;
  }

  /** When the write under way ends; Infinity when there is none. */
  get doneAtMs(): number {
    return this.#doneAtMs;
  }

  /** Takes a Ready in. Not bounded here: a core makes a few Readys an election. */
  write(ready: Ready, nowMs: number): void {
    this.#queued.push(ready);
    if (this.#writing.length === 0) this.#start(nowMs);
  }

  /** Ends the write under way and starts the next; what is durable now. */
  finish(): readonly Ready[] {
    const written = this.#writing;
    const nowMs = this.#doneAtMs;
    this.#writing = [];
    this.#doneAtMs = Infinity;
    if (this.#queued.length > 0) this.#start(nowMs);
    return written;
  }

  #start(nowMs: number): void {
    this.#writing = this.#queued;
    this.#queued = [];
    this.#doneAtMs = nowMs;
    const writes = Math.max(...this.#writing.map((ready) => this.#writesOf(ready)));
    for (let write = 0; write < writes; write += 1) this.#doneAtMs += drawn(this.#hardware.diskMs, this.#random);
  }

  /** A vote for another server in a new term may take two writes; what promises nothing rides along for free. */
  #writesOf({ mustSync, hardState }: Ready): number {
    if (!mustSync) return 0;
    if (hardState === undefined || hardState.term === this.#term) return 1;
    this.#term = hardState.term;
    return hardState.vote === undefined || hardState.vote === this.#owner ? 1 : this.#hardware.writesPerVote;
  }
}
