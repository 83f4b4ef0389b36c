import type { ChangeBatch } from "./change.ts";

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
