import { assert, type NodeId } from "@murmur/base";
import type { Core } from "./core.ts";
import { Inflight } from "./inflight.ts";
import { isPaused, noteSent, toReplicate, toSnapshot, type Progress } from "./progress.ts";
import type { Leader } from "./role.ts";
import { entryBytes, type Entry } from "./types.ts";

/** Sends every follower what it lacks, entries or the commit index, as far as its window allows. */
export function sendAppends(core: Core, leader: Leader): void {
  for (const [to, progress] of leader.progress) {
    while (lacksSomething(core, progress) && sendAppend(core, to, progress)) continue;
  }
}

function lacksSomething({ log }: Core, progress: Progress): boolean {
  return progress.next <= log.lastIndex || progress.sentCommit < Math.min(log.commit, progress.next - 1);
}

/** Sends one append. False when the follower cannot take one now. */
export function sendAppend(core: Core, to: NodeId, progress: Progress): boolean {
  const { log, config } = core;
  const { sending } = progress;
  if (isPaused(progress)) return false;
  if (log.termAt(progress.next - 1) === undefined) {
    wantSnapshot(core, to, progress);
    return false;
  }
  const inflight = sending.kind === "replicate" ? sending.inflight : undefined;
  const fitting = log.slice(progress.next, Math.min(inflight?.bytesFree ?? Infinity, config.maxAppendBytes));
  // One that was written when limits were wider goes alone; it would else never go.
  const alone = fitting.length === 0 && (inflight?.count ?? 0) === 0;
  const entries = alone ? log.between(progress.next - 1, progress.next) : fitting;
  if (entries.length === 0 && progress.next <= log.lastIndex) return false;
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  transmit(core, to, progress, entries);
  noteSent(progress, progress.next - 1 + entries.length, bytes);
  return true;
}

/** Sends an append without entries, past every window: its answer tells whether what was sent before has arrived. */
export function sendProbe(core: Core, to: NodeId, progress: Progress): void {
  if (progress.sending.kind === "snapshot") return;
  if (core.log.termAt(progress.next - 1) === undefined) wantSnapshot(core, to, progress);
  else transmit(core, to, progress, []);
}

function transmit(core: Core, to: NodeId, progress: Progress, entries: readonly Entry[]): void {
  const { log, term } = core;
  const prevIndex = progress.next - 1;
  const prevTerm = log.termAt(prevIndex);
  assert(prevTerm !== undefined, "an append follows an entry that the log knows");
  core.send({ kind: "append", from: core.id, to, term, prevIndex, prevTerm, entries, commit: log.commit });
  progress.sentCommit = Math.max(progress.sentCommit, Math.min(log.commit, prevIndex + entries.length));
}

/** A silent follower gets no snapshot: it could not take it, and the work would be wasted. */
function wantSnapshot(core: Core, to: NodeId, progress: Progress): void {
  if (!progress.active) return;
  toSnapshot(progress, core.log.boundary.index);
  core.snapshotsWanted.push(to);
}

/** Starts to pipeline. */
export function startReplicating(core: Core, progress: Progress): void {
  toReplicate(progress, new Inflight(core.config.maxInflightMessages, core.config.maxInflightBytes));
}

/**
 * Sends a heartbeat to every member and starts a new round. `roundsSent` keeps one record a round until the round is
 * confirmed, and no more than two election time-outs' worth: older ones prove nothing.
 */
export function heartbeat(core: Core, leader: Leader): void {
  leader.round += 1;
  leader.heartbeatElapsed = 0;
  leader.roundsSent.push({ round: leader.round, tick: core.now });
  const oldest = core.now - core.config.electionTicks;
  leader.roundsSent = leader.roundsSent.filter(({ tick }) => tick >= oldest);
  for (const [to, progress] of leader.progress) {
    const commit = Math.min(progress.match, core.log.commit);
    core.send({ kind: "heartbeat", from: core.id, to, term: core.term, commit, round: leader.round });
  }
}
