import type { Command, Index } from "@murmur/model";
import type { ApplyResult, Refusal } from "./result.ts";
import type { View } from "./view.ts";
import type { Watch, WatchOptions } from "./watch.ts";

/** The replicated state machine: the same commands in the same order give the same state on every manager. */
export interface Store {
  /**
   * Applies one command of the raft entry at `index`; the commands of one entry are applied in order with the same
   * index. Total, synchronous and deterministic: it refuses, it never throws. Invariant: `index` never goes back.
   */
  apply(index: Index, command: Command): ApplyResult;
  readonly view: View;
  /** Starts a feed of the changes from now on. Seed from `view` right after it, before anything else is applied. */
  watch(options: WatchOptions): Watch;
  /**
   * The state of this moment, as chunks of bytes (about 64 KiB). Taking it copies references only; each step of the
   * iterator encodes one chunk, so the encoding can be spread over time while commands are applied.
   */
  snapshot(): Iterable<Uint8Array>;
  /** Begins to read a snapshot. The state is replaced, all at once, by a `finish` that succeeds. */
  restore(): Restore;
  /** A digest of the whole state, for comparing replicas; O(n), not cryptographic. */
  hash(): string;
}

/** A snapshot that is being read. */
export interface Restore {
  /** The next bytes, cut anywhere. After a refusal every further call gives the same refusal. */
  push(chunk: Uint8Array): { readonly ok: true } | Refusal;
  /** Ends it: the whole state is replaced, watchers are told to resync. On a refusal (`corrupt`) nothing changes. */
  finish(): { readonly ok: true; readonly version: Index } | Refusal;
}
