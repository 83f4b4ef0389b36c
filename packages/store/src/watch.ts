import { assert } from "@murmur/base";
import type { Index } from "@murmur/model";
import type { Change, ChangeBatch } from "./change.ts";

export interface WatchOptions {
  /** The most changes that wait at once; one more drops them all, and the next `drain` says `resync`. */
  readonly limit: number;
  /**
   * Called when something waits where nothing did: once, until the next `drain`. It is called in the middle of
   * `apply`, so it only notes it (wakes a loop); it must not throw, apply or drain.
   */
  readonly onReady?: () => void;
}

/** What waited. `resync`: changes were lost (too many, or a snapshot was restored); seed again from the view now. */
export type WatchEvents =
  { readonly kind: "changes"; readonly batches: readonly ChangeBatch[] } | { readonly kind: "resync" };

export interface Watch {
  /** Takes out all that waits, without waiting. No batches when nothing does. */
  drain(): WatchEvents;
  /** Ends the feed. */
  close(): void;
}

/** Hands changes to every watch. Holds no more than the sum of their limits. */
export class Watches {
  readonly #feeds = new Set<Feed>();

  open(options: WatchOptions): Watch {
    assert(options.limit > 0, "a watch's limit is positive");
    const feed = new Feed(options, () => this.#feeds.delete(feed));
    this.#feeds.add(feed);
    return feed;
  }

  publish(index: Index, changes: readonly Change[]): void {
    if (changes.length === 0) return;
    for (const feed of this.#feeds) feed.add(index, changes);
  }

  /** Everything may have changed. */
  resync(): void {
    for (const feed of this.#feeds) feed.lose();
  }
}

/** Most of those who look find nothing. */
const NOTHING: WatchEvents = { kind: "changes", batches: [] };

class Feed implements Watch {
  readonly #limit: number;
  readonly #onReady: () => void;
  readonly #onClose: () => void;
  #batches: { readonly index: Index; readonly changes: Change[] }[] = [];
  /** Changes in `#batches`. Invariant: at most `#limit`, and 0 when `#lost`. */
  #size = 0;
  #lost = false;
  #closed = false;

  constructor({ limit, onReady = () => {} }: WatchOptions, onClose: () => void) {
    this.#limit = limit;
    this.#onReady = onReady;
    this.#onClose = onClose;
  }

  add(index: Index, changes: readonly Change[]): void {
    // Until the reader has noticed the loss, nothing is worth keeping.
    if (this.#lost) return;
    if (this.#size + changes.length > this.#limit) return this.lose();
    const first = this.#size === 0;
    const last = this.#batches.at(-1);
    const batch = last?.index === index ? last : { index, changes: [] };
    if (batch !== last) this.#batches.push(batch);
    for (const change of changes) batch.changes.push(change);
    this.#size += changes.length;
    if (first) this.#onReady();
  }

  lose(): void {
    const first = this.#size === 0 && !this.#lost;
    this.#lost = true;
    this.#batches = [];
    this.#size = 0;
    if (first) this.#onReady();
  }

  drain(): WatchEvents {
    if (this.#size === 0 && !this.#lost) return NOTHING;
    const batches = this.#batches;
    const lost = this.#lost;
    this.#batches = [];
    this.#size = 0;
    this.#lost = false;
    return lost && !this.#closed ? { kind: "resync" } : { kind: "changes", batches };
  }

  close(): void {
    this.#closed = true;
    this.#batches = [];
    this.#onClose();
  }
}
