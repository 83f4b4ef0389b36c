import { assert, type NodeId } from "@murmur/base";
import { sendAppend, sendAppends } from "./appending.ts";
import type { Core } from "./core.ts";
import { decodeMembership, isVoter, membersOf, votersOf, type Membership } from "./membership.ts";
import { newProgress } from "./progress.ts";
import { quorumValue } from "./quorum.ts";
import type { Leader } from "./role.ts";
import type { Index } from "./types.ts";

/**
 * Commits what a quorum holds durably. Only entries of the own term are committed by counting; older ones with them
 * (Raft, figure 8). The leader's own share is what its storage has reported.
 */
export function maybeCommit(core: Core, leader: Leader): void {
  const { log } = core;
  const index = quorumValue(core.membership, (id) => matchOf(core, leader, id));
  if (!Number.isFinite(index) || index <= log.commit || log.termAt(index) !== core.term) return;
  advanceCommit(core, index);
}

const matchOf = (core: Core, leader: Leader, id: NodeId): Index =>
  id === core.id ? core.writes.stable : (leader.progress.get(id)?.match ?? 0);

/** Moves the commit index; memberships among what is now committed come into force here, on every node. */
export function advanceCommit(core: Core, index: Index): void {
  const before = core.log.commit;
  core.log.commitTo(index);
  for (const entry of core.log.between(before, index)) {
    if (entry.kind === "membership") applyMembership(core, decodeMembership(entry.data));
  }
}

function applyMembership(core: Core, membership: Membership): void {
  const { state } = core;
  if (state.role !== "leader") {
    core.membership = membership;
    // Whoever learns during its campaign that it takes no part any more must not win it.
    if (state.role !== "follower" && !isVoter(membership, core.id)) core.becomeFollower(core.term, undefined);
    return;
  }
  // Those who leave are told that their leaving is committed, as well as one message can; else they would campaign.
  sendAppends(core, state);
  const members = new Set(membersOf(membership));
  for (const [id, progress] of state.progress) {
    if (members.has(id)) continue;
    if (progress.sending.kind === "replicate" && progress.sentCommit < core.log.commit) sendAppend(core, id, progress);
    state.progress.delete(id);
  }
  core.membership = membership;
  if (!isVoter(membership, core.id)) {
    handOver(core, state);
    return;
  }
  for (const id of members) {
    if (id === core.id || state.progress.has(id)) continue;
    // Counted as heard from, so that the next quorum check gives it time to answer.
    state.progress.set(id, { ...newProgress(core.log.lastIndex + 1), active: true });
  }
  const { transfer } = state;
  if (transfer !== undefined && !isVoter(membership, transfer.to)) state.transfer = undefined;
  maybeCommit(core, state);
}

/** A leader that is no voter any more steps down, and wakes the voter that has most, unless it has woken one already. */
function handOver(core: Core, leader: Leader): void {
  const woken = leader.transfer?.asked === true && isVoter(core.membership, leader.transfer.to);
  if (!woken) wakeBest(core, leader);
  core.becomeFollower(core.term, undefined);
}

function wakeBest(core: Core, leader: Leader): void {
  const matches = votersOf(core.membership).map((id) => ({ id, match: leader.progress.get(id)?.match ?? 0 }));
  const best = matches.reduce<(typeof matches)[number] | undefined>(
    (most, one) => (most === undefined || one.match > most.match ? one : most),
    undefined,
  );
  assert(best !== undefined, "a membership has voters");
  core.send({ kind: "timeoutNow", from: core.id, to: best.id, term: core.term });
}

/** Whether the leader has committed an entry of its own term: only then it knows all that was committed before. */
export const hasOwnCommit = ({ log, term }: Core): boolean => log.termAt(log.commit) === term;
