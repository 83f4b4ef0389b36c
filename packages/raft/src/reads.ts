import { heartbeat } from "./appending.ts";
import { hasOwnCommit } from "./commit.ts";
import { leaseTicks } from "./config.ts";
import type { Core } from "./core.ts";
import type { ReadIndex, ReadIndexReply } from "./messages.ts";
import { quorumValue } from "./quorum.ts";
import type { Leader, PendingRead } from "./role.ts";
import type { RefusedRead } from "./ready.ts";
import type { Index } from "./types.ts";

/** Asks for an index that makes a read linearizable (Raft thesis, 6.4). The answer comes out of a later Ready. */
export function readIndex(core: Core, requestId: number): void {
  const { state } = core;
  if (state.role === "leader") {
    if (state.reads.length >= core.config.maxPendingReads) return refuse(core, requestId, "overloaded");
    state.reads.push({ origin: { requestId }, target: undefined, ageTicks: 0 });
    return;
  }
  const { leader } = core;
  if (leader === undefined) return refuse(core, requestId, "no_leader");
  if (core.forwarded.size >= core.config.maxPendingReads) return refuse(core, requestId, "overloaded");
  const sequence = core.nextSequence;
  core.nextSequence += 1;
  core.forwarded.set(sequence, { requestId, ageTicks: 0 });
  core.send({ kind: "readIndex", from: core.id, to: leader, term: core.term, sequence });
}

function refuse(core: Core, requestId: number, reason: RefusedRead["reason"]): void {
  core.refusedReads.push({ requestId, reason });
}

/** A follower asks. */
export function handleReadIndex(core: Core, leader: Leader, { from, sequence }: ReadIndex): void {
  if (leader.reads.length >= core.config.maxPendingReads) answer(core, { from, sequence }, undefined);
  else leader.reads.push({ origin: { from, sequence }, target: undefined, ageTicks: 0 });
}

/** The leader answers. */
export function handleReadIndexReply(core: Core, { sequence, index }: ReadIndexReply): void {
  const read = core.forwarded.get(sequence);
  if (read === undefined) return;
  core.forwarded.delete(sequence);
  if (index === undefined) refuse(core, read.requestId, "overloaded");
  else core.servedReads.push({ requestId: read.requestId, index });
}

/**
 * Gives new reads their index, and confirms them all with one round of heartbeats, or by the lease. Reads wait until an
 * entry of the own term is committed: before, the commit index may lag behind what another leader has answered.
 */
export function startReads(core: Core, leader: Leader): void {
  if (!hasOwnCommit(core)) return;
  const waiting = leader.reads.filter((read) => read.target === undefined);
  if (waiting.length === 0) return;
  const leased = leaseCovers(core, leader);
  const round = leased ? 0 : leader.round + 1;
  for (const read of waiting) read.target = { index: core.log.commit, round };
  if (!leased) heartbeat(core, leader);
  serveReads(core, leader);
}

/** Answers the reads whose round a quorum has answered: no other leader could have been elected before it. */
export function serveReads(core: Core, leader: Leader): void {
  const confirmed = confirmedRound(core, leader);
  leader.roundsSent = leader.roundsSent.filter(({ round }) => round >= confirmed);
  const open: PendingRead[] = [];
  for (const read of leader.reads) {
    if (read.target !== undefined && read.target.round <= confirmed) answer(core, read.origin, read.target.index);
    else open.push(read);
  }
  leader.reads = open;
}

const confirmedRound = (core: Core, leader: Leader): number =>
  quorumValue(core.membership, (id) => (id === core.id ? leader.round : (leader.progress.get(id)?.ackedRound ?? 0)));

function answer(core: Core, origin: PendingRead["origin"], index: Index | undefined): void {
  if ("from" in origin) {
    const { from: to, sequence } = origin;
    core.send({ kind: "readIndexReply", from: core.id, to, term: core.term, sequence, index });
  } else if (index === undefined) {
    refuse(core, origin.requestId, "timeout");
  } else {
    core.servedReads.push({ requestId: origin.requestId, index });
  }
}

/**
 * A quorum has answered a heartbeat, and will elect nobody else for electionTicks after it got it. Told to campaign, a
 * follower need not wait: then no lease.
 */
function leaseCovers(core: Core, leader: Leader): boolean {
  if (!core.config.leaseReads || leader.leaseBroken) return false;
  const confirmed = confirmedRound(core, leader);
  const sent = leader.roundsSent.findLast(({ round }) => round <= confirmed);
  return sent !== undefined && core.now - sent.tick < leaseTicks(core.config);
}

/** Time has passed that was not ticked: what was proved before it may have ended. The next round is counted from now. */
export function forgetLease(leader: Leader): void {
  leader.roundsSent = [];
}

/** Reads that nothing confirms end: their messages, or their answers, were lost. */
export function tickReads(core: Core): void {
  const limit = core.config.electionTicksMax;
  for (const [sequence, read] of core.forwarded) {
    read.ageTicks += 1;
    if (read.ageTicks < limit) continue;
    core.forwarded.delete(sequence);
    refuse(core, read.requestId, "timeout");
  }
  if (core.state.role !== "leader") return;
  const old: PendingRead[] = [];
  for (const read of core.state.reads) {
    read.ageTicks += 1;
    if (read.ageTicks >= limit) old.push(read);
  }
  if (old.length === 0) return;
  core.state.reads = core.state.reads.filter((read) => read.ageTicks < limit);
  for (const { origin } of old) answer(core, origin, undefined);
}

/** How many reads wait here for an answer. */
export const pendingReads = (core: Core): number =>
  core.forwarded.size + (core.state.role === "leader" ? core.state.reads.length : 0);
