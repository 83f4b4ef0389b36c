import type { NodeId } from "@murmur/base";
import type { Membership } from "./membership.ts";
import type { Message } from "./messages.ts";
import type { Entry, HardState, Index, Role, SnapshotMeta, Term } from "./types.ts";

/** The read may be done as soon as everything up to `index` is applied. */
export interface ServedRead {
  readonly requestId: number;
  readonly index: Index;
}

/** The read was not confirmed and may be asked again. */
export interface RefusedRead {
  readonly requestId: number;
  readonly reason: "no_leader" | "overloaded" | "timeout";
}

export interface Leadership {
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
}

/**
 * What the driver has to do. In this order:
 * 1. Write `snapshot`, `hardState` and `entries` in one atomic step, after the writes of earlier Readys; entries replace
 *    those of the same and of higher indices. Durable when `mustSync`. May take its time: further Readys can be taken.
 * 2. Send `messages` at once, without waiting for the write.
 * 3. When the write and all earlier ones are durable: `raft.persisted(number)`, and send `messagesAfterSync`.
 *    Several Readys may be written together and reported by the last one's number.
 * 4. Load `snapshot` into the state machine, then apply `committed`, and report with `raft.applied(index)`.
 */
export interface Ready {
  /** Grows by one with each Ready. */
  readonly number: number;
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMeta | undefined;
  /** The write holds promises: it must survive a power failure before it is reported. */
  readonly mustSync: boolean;
  readonly messages: readonly Message[];
  readonly messagesAfterSync: readonly Message[];
  /** Committed and durable here: apply them in order. */
  readonly committed: readonly Entry[];
  readonly reads: readonly ServedRead[];
  readonly refusedReads: readonly RefusedRead[];
  /** Members that need the newest stored snapshot. Answer each with `reportSnapshot`. */
  readonly snapshotsWanted: readonly NodeId[];
  /** Set when any of it changed. */
  readonly leadership: Leadership | undefined;
  /** Set when it changed: what is in force from now on. */
  readonly membership: Membership | undefined;
}
