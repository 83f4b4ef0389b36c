import { assert } from "@murmur/base";
import { Inflight } from "./inflight.ts";
import type { Index } from "./types.ts";

/**
 * How entries are sent to a follower.
 * - probe: where the logs agree is not known; one append, then wait for an answer or a heartbeat's.
 * - replicate: it is known; appends are pipelined as far as the window allows.
 * - snapshot: what it needs is no longer in the log; nothing is sent until the transfer ends.
 */
type Sending =
  | { kind: "probe"; waiting: boolean }
  | { kind: "replicate"; inflight: Inflight }
  | { kind: "snapshot"; pending: Index };

/** What a leader knows of one follower. Invariant: match < next. */
export interface Progress {
  /** The follower durably holds the leader's log up to here. Falls only when the follower says that it lost entries. */
  match: Index;
  /** The next entry to send. */
  next: Index;
  /** Heard from since the last quorum check. */
  active: boolean;
  /** The latest heartbeat round that it answered. */
  ackedRound: number;
  /** The commit index that it was told of; only to save messages, heartbeats repeat it. */
  sentCommit: Index;
  /** `match` when it last answered a heartbeat: unchanged at the next answer, something may be lost. */
  matchAtHeartbeat: Index;
  sending: Sending;
}

/** A follower of which nothing is known; `next` is a first guess. */
export function newProgress(next: Index): Progress {
  return {
    match: 0,
    next,
    active: false,
    ackedRound: 0,
    sentCommit: 0,
    matchAtHeartbeat: 0,
    sending: { kind: "probe", waiting: false },
  };
}

/** Goes back to finding out where the logs agree; `waiting` when the first probe is left to a heartbeat's answer. */
export function toProbe(progress: Progress, { waiting }: { waiting: boolean }): void {
  const { sending } = progress;
  const installed = sending.kind === "snapshot" ? sending.pending : 0;
  progress.next = Math.max(progress.match, installed) + 1;
  progress.sending = { kind: "probe", waiting };
}

export function toReplicate(progress: Progress, inflight: Inflight): void {
  progress.next = progress.match + 1;
  progress.sending = { kind: "replicate", inflight };
}

/** `pending` is the least index that the snapshot has to cover. */
export function toSnapshot(progress: Progress, pending: Index): void {
  progress.sending = { kind: "snapshot", pending };
}

/** Whether nothing more may be sent until the follower answers. */
export function isPaused({ sending }: Progress): boolean {
  switch (sending.kind) {
    case "probe":
      return sending.waiting;
    case "replicate":
      return sending.inflight.full;
    case "snapshot":
      return true;
  }
}

/** Notes that entries up to `last` were sent. */
export function noteSent(progress: Progress, last: Index, bytes: number): void {
  const { sending } = progress;
  assert(sending.kind !== "snapshot", "no entries are sent during a snapshot");
  if (sending.kind === "probe") {
    sending.waiting = true;
    return;
  }
  if (last < progress.next) return;
  progress.next = last + 1;
  sending.inflight.add(last, bytes);
}

/** The follower has all up to `match`. False when that was known already. */
export function noteAccepted(progress: Progress, match: Index): boolean {
  const news = match > progress.match;
  progress.match = Math.max(progress.match, match);
  progress.next = Math.max(progress.next, progress.match + 1);
  if (progress.sending.kind === "replicate") progress.sending.inflight.freeTo(match);
  return news;
}

/**
 * The follower refused an append after `rejected`; the logs agree at `agreed` at best. False for a stale rejection:
 * one that cannot be the answer to what was sent last.
 */
export function noteRejected(progress: Progress, rejected: Index, agreed: Index): boolean {
  switch (progress.sending.kind) {
    case "snapshot":
      return false;
    case "replicate":
      if (rejected <= progress.match) return false;
      toProbe(progress, { waiting: false });
      return true;
    case "probe":
      if (rejected !== progress.next - 1) return false;
      progress.next = Math.max(Math.min(rejected, agreed + 1), progress.match + 1);
      progress.sending.waiting = false;
      return true;
  }
}

/** The follower's disk lost entries: nothing that it acknowledged counts any more. Other than that, a rejection. */
export function noteLost(progress: Progress, rejected: Index, agreed: Index): void {
  progress.match = 0;
  progress.sentCommit = 0;
  if (progress.sending.kind === "snapshot") return;
  progress.next = Math.max(1, Math.min(rejected, agreed + 1));
  progress.sending = { kind: "probe", waiting: false };
}
