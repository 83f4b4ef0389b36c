import { unreachable, type NodeId } from "@murmur/base";
import { heartbeat, sendAppends, sendProbe, startReplicating } from "./appending.ts";
import { maybeCommit } from "./commit.ts";
import type { Core } from "./core.ts";
import type { AppendAccepted, AppendRejected, HeartbeatReply } from "./messages.ts";
import { noteAccepted, noteLost, noteRejected, toProbe, type Progress } from "./progress.ts";
import { quorumValue } from "./quorum.ts";
import { leaveJointWhenDue } from "./proposing.ts";
import { serveReads, startReads } from "./reads.ts";
import type { Leader } from "./role.ts";
import { askWhenCaughtUp, tickTransfer } from "./transfer.ts";

/** A follower durably has our log up to `match`. */
export function handleAccepted(core: Core, leader: Leader, { from, match }: AppendAccepted): void {
  const progress = leader.progress.get(from);
  // More than we have cannot be said by a follower of this term.
  if (progress === undefined || match > core.log.lastIndex) return;
  progress.active = true;
  const news = noteAccepted(progress, match);
  switch (progress.sending.kind) {
    case "probe":
      if (news || match === progress.match) startReplicating(core, progress);
      break;
    case "snapshot":
      // It got what it lacked, by our snapshot or otherwise: the log continues from there.
      if (core.log.termAt(progress.match) !== undefined) startReplicating(core, progress);
      break;
    case "replicate":
      break;
    default:
      unreachable(progress.sending);
  }
  // Whoever has just got all that a transfer waits for is asked before a commit may end this leadership.
  askWhenCaughtUp(core, leader);
  if (news) maybeCommit(core, leader);
}

/** The logs differ before what was sent: go back, a term at a time at least. */
export function handleRejected(core: Core, leader: Leader, message: AppendRejected): void {
  const progress = leader.progress.get(message.from);
  if (progress === undefined) return;
  progress.active = true;
  const agreed = core.log.lastAgreeing({ index: message.hintIndex, term: message.hintTerm });
  if (message.lost) noteLost(progress, message.rejected, agreed.index);
  else noteRejected(progress, message.rejected, agreed.index);
}

export function handleHeartbeatReply(core: Core, leader: Leader, { from, round }: HeartbeatReply): void {
  const progress = leader.progress.get(from);
  if (progress === undefined) return;
  progress.active = true;
  progress.ackedRound = Math.max(progress.ackedRound, Math.min(round, leader.round));
  serveReads(core, leader);
  resumeSending(core, progress, from);
}

/**
 * The follower lives. When it still waits in a probe, or has not come forward since its last answer, an append may be
 * lost: an empty one finds out. Entries are not repeated blindly, for the follower's disk may just be slow.
 */
function resumeSending(core: Core, progress: Progress, to: NodeId): void {
  const stalled = progress.match === progress.matchAtHeartbeat && progress.match < core.log.lastIndex;
  progress.matchAtHeartbeat = progress.match;
  if (progress.sending.kind === "probe" ? progress.sending.waiting : stalled) sendProbe(core, to, progress);
}

/** What a leader does whenever effects are taken from it. */
export function lead(core: Core, leader: Leader): void {
  leaveJointWhenDue(core, leader);
  startReads(core, leader);
  sendAppends(core, leader);
}

/** One tick of a leader. */
export function tickLeader(core: Core, leader: Leader): void {
  tickTransfer(core, leader);
  leader.quorumElapsed += 1;
  if (leader.quorumElapsed >= core.config.electionTicks) {
    leader.quorumElapsed = 0;
    if (core.config.checkQuorum && !hearsQuorum(core, leader)) {
      core.becomeFollower(core.term, undefined);
      return;
    }
    for (const progress of leader.progress.values()) progress.active = false;
  }
  leader.heartbeatElapsed += 1;
  if (leader.heartbeatElapsed >= core.config.heartbeatTicks) heartbeat(core, leader);
}

const hearsQuorum = (core: Core, leader: Leader): boolean =>
  quorumValue(core.membership, (id) => (id === core.id || leader.progress.get(id)?.active === true ? 1 : 0)) >= 1;

/** The transport lost the connection: what was in flight is probably lost. */
export function reportUnreachable(leader: Leader, peer: NodeId): void {
  const progress = leader.progress.get(peer);
  if (progress?.sending.kind === "replicate") toProbe(progress, { waiting: false });
}

/** A snapshot's transfer has ended. After a failure the next heartbeat's answer makes the leader ask for another. */
export function reportSnapshot(leader: Leader, peer: NodeId, outcome: "finished" | "failed"): void {
  const progress = leader.progress.get(peer);
  if (progress?.sending.kind !== "snapshot") return;
  if (outcome === "failed") progress.sending.pending = 0;
  toProbe(progress, { waiting: true });
}
