import { ClusterError, type Log, type Millis } from "@murmur/base";
import type { ApplyResult, Store, View } from "@murmur/store";
import { abortReason } from "./abort-reason.ts";
import { decodeEntry } from "./codec.ts";

/** The most requests that wait for their entry at once. */
const WAITING_LIMIT = 16_384;

/** What became of a request whose entry was applied here. */
export type Outcome =
  | { readonly kind: "applied"; readonly results: readonly ApplyResult[] }
  /** A snapshot was installed while it waited, so its entry, if there was one, was never seen. */
  | { readonly kind: "unknown" };

/** A request that waits for its entry. */
export interface Waiter {
  /** The outcome, once there is one. */
  settled(): Outcome | undefined;
  /** Nobody waits any more. */
  cancel(): void;
}

/**
 * This manager's copy of the state: applies what is committed, in order, and tells the requests that were submitted
 * here what became of them.
 */
export class Replica {
  readonly store: Store;
  readonly #log: Log;
  readonly #waiting = new Map<string, (outcome: Outcome) => void>();
  readonly #indexWaiters = new Set<{ readonly index: number; readonly resolve: () => void }>();
  readonly #heard: (moment: Millis) => void;
  #applied: number;
  #appliedBytes = 0;

  /** `heard` is told the moments that commands carry, and the latest one of a state that is taken over. */
  constructor(options: {
    readonly store: Store;
    readonly appliedIndex: number;
    readonly log: Log;
    readonly heard?: (moment: Millis) => void;
  }) {
    this.store = options.store;
    this.#applied = options.appliedIndex;
    this.#log = options.log;
    this.#heard = options.heard ?? (() => {});
  }

  /** The index of the last entry that was applied. */
  get applied(): number {
    return this.#applied;
  }
  /** Bytes of entries applied since the last snapshot; decides when the next one is due. */
  get appliedBytes(): number {
    return this.#appliedBytes;
  }
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Applies a committed entry; entries without commands (membership, a new leader's first) only move the index. */
  apply(entry: { readonly index: number; readonly kind: string; readonly data: Uint8Array }): void {
    if (entry.kind === "normal" && entry.data.byteLength > 0) {
      const { requestId, commands } = decodeEntry(entry.data);
      const results = commands.map((command) => this.store.apply(entry.index, command));
      for (const { now } of commands) this.#heard(now);
      for (const [at, result] of results.entries()) {
        if (!result.ok)
          this.#log.debug("command refused", { kind: commands[at]?.kind, code: result.code, why: result.message });
      }
      this.#settle(requestId, { kind: "applied", results });
    }
    this.#appliedBytes += entry.data.byteLength;
    this.#advance(entry.index);
  }

  /** The state was replaced by a snapshot: nobody who waits can be told what happened in between. */
  installed(index: number): void {
    this.#appliedBytes = 0;
    this.#heard(latestMoment(this.store.view));
    for (const requestId of this.#waiting.keys()) this.#settle(requestId, { kind: "unknown" });
    this.#advance(index);
  }

  snapshotTaken(): void {
    this.#appliedBytes = 0;
  }

  /** Waits for the entry of a request; `onSettled` is called once its outcome is there. Throws `overloaded`. */
  expect(requestId: string, onSettled: () => void): Waiter {
    if (this.#waiting.size >= WAITING_LIMIT) {
      throw new ClusterError("overloaded", "too many requests wait to be committed; try again in a moment");
    }
    let settled: Outcome | undefined;
    this.#waiting.set(requestId, (outcome) => {
      settled = outcome;
      onSettled();
    });
    return { settled: () => settled, cancel: () => void this.#waiting.delete(requestId) };
  }

  /** Resolves when everything up to `index` has been applied here. */
  reached(index: number, signal: AbortSignal): Promise<void> {
    if (this.#applied >= index) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = {
        index,
        resolve: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#indexWaiters.delete(waiter);
        reject(abortReason(signal));
      };
      if (signal.aborted) return onAbort();
      this.#indexWaiters.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #settle(requestId: string, outcome: Outcome): void {
    const settle = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    settle?.(outcome);
  }

  #advance(index: number): void {
    this.#applied = Math.max(this.#applied, index);
    for (const waiter of this.#indexWaiters) {
      if (waiter.index > this.#applied) continue;
      this.#indexWaiters.delete(waiter);
      waiter.resolve();
    }
  }
}

/** When something last happened, as far as the state tells. */
function latestMoment(view: View): Millis {
  let latest = view.cluster()?.updatedAt ?? 0;
  for (const records of [view.nodes(), view.services(), view.tasks()]) {
    for (const { updatedAt } of records) latest = Math.max(latest, updatedAt);
  }
  return latest;
}
