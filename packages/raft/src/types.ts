import type { NodeId } from "@murmur/base";
import type { Membership } from "./membership.ts";

/** A place in the log. The first entry has index 1; 0 stands before it. */
export type Index = number;
/** An election period. Terms only grow; 0 is before the first election. */
export type Term = number;

/** An entry's place and the term in which it was created: two entries with equal positions are equal. */
export interface Position {
  readonly index: Index;
  readonly term: Term;
}

/** Whether a log that ends at `last` is at least as complete as one that ends at `other` (Raft thesis, 3.6.1). */
export const isAtLeast = (last: Position, other: Position): boolean =>
  last.term > other.term || (last.term === other.term && last.index >= other.index);

export type EntryKind = "normal" | "membership" | "noop";

/** One entry of the log. `data` is opaque for `normal`, an encoded `Membership` for `membership`, empty for `noop`. */
export interface Entry extends Position {
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/** What counts of an entry, beside its data, against every bound in bytes. */
export const ENTRY_OVERHEAD_BYTES = 32;

/** The size of an entry as all bounds of this package count it. */
export const entryBytes = (entry: Entry): number => entry.data.byteLength + ENTRY_OVERHEAD_BYTES;

/** What must be durable beside the log. `commit` may lag behind: it is only a lower bound. */
export interface HardState {
  readonly term: Term;
  readonly vote: NodeId | undefined;
  readonly commit: Index;
}

/** A snapshot without its bytes: the state after the entry at this position, and the membership of that moment. */
export interface SnapshotMeta extends Position {
  readonly membership: Membership;
}

export type Role = "follower" | "preCandidate" | "candidate" | "leader";
