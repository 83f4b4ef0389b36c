import type { NodeId } from "@murmur/base";
import type { Membership } from "./membership.ts";

export type VoteResult = "won" | "lost" | "pending";

/** The least number of voters that is more than half. */
export const majority = (count: number): number => Math.floor(count / 2) + 1;

/**
 * The highest value that a quorum has reached, in both halves of a joint membership. Infinity without voters: an empty
 * half never holds back the other one.
 */
export function quorumValue(membership: Membership, valueOf: (id: NodeId) => number): number {
  return Math.min(majorityValue(membership.voters, valueOf), majorityValue(membership.votersOutgoing, valueOf));
}

function majorityValue(voters: readonly NodeId[], valueOf: (id: NodeId) => number): number {
  if (voters.length === 0) return Infinity;
  const descending = voters.map(valueOf).toSorted((left, right) => right - left);
  return descending[majority(voters.length) - 1] ?? 0;
}

/** How an election stands: won and lost are final, whatever else comes in. */
export function voteResult(membership: Membership, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const halves = [majorityVotes(membership.voters, votes), majorityVotes(membership.votersOutgoing, votes)];
  if (halves.includes("lost")) return "lost";
  return halves.includes("pending") ? "pending" : "won";
}

function majorityVotes(voters: readonly NodeId[], votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  if (voters.length === 0) return "won";
  const granted = voters.filter((id) => votes.get(id) === true).length;
  const open = voters.filter((id) => !votes.has(id)).length;
  const needed = majority(voters.length);
  if (granted >= needed) return "won";
  return granted + open >= needed ? "pending" : "lost";
}
