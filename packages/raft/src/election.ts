import type { NodeId } from "@murmur/base";
import { advanceCommit } from "./commit.ts";
import { silenceTicks } from "./config.ts";
import type { Core } from "./core.ts";
import { membersOf, votersOf } from "./membership.ts";
import type { CampaignReason, PreVote, PreVoteReply, Vote, VoteReply } from "./messages.ts";
import { newProgress, type Progress } from "./progress.ts";
import { voteResult } from "./quorum.ts";
import type { Leader } from "./role.ts";
import type { Index, Position } from "./types.ts";

/** A favourite stays one for this many ticks: long enough for the crossing of two requests, no longer. */
const FAVOURITE_TICKS = 2;

/** Starts an election, or first asks whether one could be won. Does nothing on a leader and on whoever may not win. */
export function campaign(core: Core, reason: CampaignReason): void {
  if (core.state.role === "leader" || !core.electable || (core.hasPromised && reason !== "transfer")) return;
  core.timer.retry();
  if (core.config.preVote && reason !== "transfer") startPreVote(core, reason);
  else startVote(core, reason);
}

function startPreVote(core: Core, reason: CampaignReason): void {
  const votes = new Map([[core.id, true]]);
  core.become({ role: "preCandidate", reason, votes });
  core.favourite = { id: core.id, last: core.last, ageTicks: 0 };
  if (voteResult(core.membership, votes) === "won") return startVote(core, reason);
  const { index: lastIndex, term: lastTerm } = core.last;
  for (const to of rivals(core)) {
    core.send({ kind: "preVote", from: core.id, to, term: core.term + 1, lastIndex, lastTerm, reason });
  }
}

/**
 * The requests wait until the new term, the own vote and the whole log are durable. Sent at once, a request could
 * outlive a crash: the node would come back in the older term, with a shorter log, campaign in the same term again, and
 * count votes that were given to the longer log.
 */
function startVote(core: Core, reason: CampaignReason): void {
  core.enterTerm(core.term + 1);
  core.vote = core.id;
  core.become({ role: "candidate", reason, votes: new Map() });
  const { index: lastIndex, term: lastTerm } = core.last;
  for (const to of rivals(core)) {
    core.sendAfterSync({ kind: "vote", from: core.id, to, term: core.term, lastIndex, lastTerm, reason });
  }
}

const rivals = (core: Core): NodeId[] => votersOf(core.membership).filter((id) => id !== core.id);

/** The hard state is durable as far as storage has reported: a candidate may count its own vote. */
export function countOwnVote(core: Core): void {
  const { state } = core;
  const { term, vote } = core.writes.durable;
  if (state.role !== "candidate" || term !== core.term || vote !== core.id) return;
  state.votes.set(core.id, true);
  conclude(core);
}

export function handlePreVote(core: Core, message: PreVote): void {
  const granted = mayHope(core, message);
  if (granted) {
    core.favourite = { id: message.from, last: positionOf(message), ageTicks: 0 };
    if (core.state.role === "preCandidate") core.becomeFollower(core.term, undefined);
    core.timer.defer();
  }
  const term = granted ? message.term : core.term;
  core.send({ kind: "preVoteReply", from: core.id, to: message.from, term, granted, commit: core.committed });
}

function mayHope(core: Core, message: PreVote): boolean {
  if (leaseHolds(core, message.reason)) return false;
  if (!core.isEnough(positionOf(message)) || !isStrongest(core, message)) return false;
  if (message.term > core.term) return true;
  return message.term === core.term && couldVoteFor(core, message.from);
}

/**
 * Of several nodes that notice at the same moment that the leader is gone, the one with the longest log, and then the
 * lowest id, is let through, which avoids most split votes. Only a matter of speed: it lasts for FAVOURITE_TICKS.
 */
function isStrongest(core: Core, message: PreVote): boolean {
  const { favourite } = core;
  if (favourite === undefined || favourite.id === message.from) return true;
  const { last } = favourite;
  if (message.lastTerm !== last.term) return message.lastTerm > last.term;
  return message.lastIndex === last.index ? message.from < favourite.id : message.lastIndex > last.index;
}

export function handleVote(core: Core, message: Vote): void {
  // The promise holds within a term as well: a late answer may have brought this node into the candidate's.
  const bound = core.hasPromised && message.reason !== "transfer";
  const granted = !bound && couldVoteFor(core, message.from) && core.isEnough(positionOf(message));
  if (granted) {
    core.vote = message.from;
    core.timer.restart();
  }
  replyToVote(core, message.from, granted);
}

/** Answers a candidate; a refusal also tells one of an older term what the term is. */
export function replyToVote(core: Core, to: NodeId, granted: boolean): void {
  const { id: from, term, committed: commit } = core;
  core.sendAfterSync({ kind: "voteReply", from, to, term, granted, commit });
}

const couldVoteFor = (core: Core, candidate: NodeId): boolean =>
  core.vote === candidate || (core.vote === undefined && core.leader === undefined);

const positionOf = (message: PreVote | Vote): Position => ({ index: message.lastIndex, term: message.lastTerm });

/**
 * Whether this node keeps faith with the leader it knows. How long it does depends on why somebody campaigns: on the
 * leader's wish not at all, after a hint until it has missed two heartbeats itself, else for about an election time-out.
 * A node that has the hint itself keeps no faith.
 */
export function leaseHolds({ state, config, hasPromised }: Core, reason: CampaignReason): boolean {
  if (!config.checkQuorum || reason === "transfer") return false;
  if (state.role === "leader" || hasPromised) return true;
  if (state.role !== "follower" || state.leader === undefined) return false;
  const { silentTicks, suspected } = state.leader;
  if (suspected) return false;
  const silence = silenceTicks(config);
  // One heartbeat less than the campaigner's own time-out: nodes do not tick at the same moment.
  const patience = reason === "hint" ? silence : Math.max(silence, config.electionTicks - config.heartbeatTicks);
  return silentTicks < patience;
}

export function handlePreVoteReply(core: Core, message: PreVoteReply): void {
  learnCommit(core, message.commit);
  if (core.state.role !== "preCandidate") return;
  if (message.granted && message.term !== core.term + 1) return;
  core.state.votes.set(message.from, message.granted);
  conclude(core);
}

export function handleVoteReply(core: Core, message: VoteReply): void {
  learnCommit(core, message.commit);
  if (core.state.role !== "candidate") return;
  core.state.votes.set(message.from, message.granted);
  conclude(core);
}

/** A position that is committed anywhere is committed here, if the log has it. */
function learnCommit(core: Core, commit: Position): void {
  if (core.log.has(commit)) advanceCommit(core, commit.index);
}

function conclude(core: Core): void {
  const { state } = core;
  if (state.role !== "preCandidate" && state.role !== "candidate") return;
  switch (voteResult(core.membership, state.votes)) {
    case "pending":
      return;
    case "lost":
      core.becomeFollower(core.term, undefined);
      return;
    case "won":
      if (state.role === "preCandidate") startVote(core, state.reason);
      else becomeLeader(core);
  }
}

/** Appends an empty entry: committing it commits everything before, and proves the log to be complete. */
function becomeLeader(core: Core): void {
  const next = core.log.lastIndex + 1;
  const others = membersOf(core.membership).filter((id) => id !== core.id);
  const leader: Leader = {
    role: "leader",
    progress: new Map(others.map((id): [NodeId, Progress] => [id, newProgress(next)])),
    membershipIndex: lastMembershipIndex(core),
    reads: [],
    transfer: undefined,
    leaseBroken: false,
    heartbeatElapsed: 0,
    quorumElapsed: 0,
    round: 0,
    roundsSent: [],
  };
  core.become(leader);
  core.favourite = undefined;
  core.log.append([{ index: next, term: core.term, kind: "noop", data: new Uint8Array() }]);
}

function lastMembershipIndex({ log }: Core): Index {
  const open = log.between(log.commit, log.lastIndex);
  return open.findLast((entry) => entry.kind === "membership")?.index ?? 0;
}

/** One tick of anyone but a leader. */
export function tickElection(core: Core): void {
  ageFavourite(core);
  const { state } = core;
  if (state.role === "follower" && state.leader !== undefined) {
    state.leader.silentTicks += 1;
    if (state.leader.silentTicks >= core.config.electionTicksMax) core.becomeFollower(core.term, undefined);
  }
  if (!core.timer.tick()) return;
  if (core.electable) campaign(core, core.timer.hurried ? "hint" : "timeout");
  else core.timer.restart();
}

function ageFavourite(core: Core): void {
  if (core.favourite === undefined) return;
  core.favourite.ageTicks += 1;
  if (core.favourite.ageTicks >= FAVOURITE_TICKS) core.favourite = undefined;
}

/** The connection to the leader broke: suspects it, and campaigns soon unless it is heard again. */
export function hintLeaderUnreachable(core: Core): void {
  const { state } = core;
  if (core.config.leaseReads || state.role !== "follower" || state.leader === undefined) return;
  state.leader.suspected = true;
  core.timer.hasten();
}
