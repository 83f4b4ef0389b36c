import type { NodeId } from "@murmur/base";
import type { Core } from "./core.ts";
import { isVoter } from "./membership.ts";
import type { Leader } from "./role.ts";

export type TransferResult =
  | { readonly kind: "accepted" }
  | {
      readonly kind: "refused";
      readonly reason: "not_leader" | "not_a_voter" | "is_leader";
      readonly leader: NodeId | undefined;
    };

/**
 * Hands leadership to another voter (Raft thesis, 3.10): proposals are refused until it has everything and has been told
 * to campaign. A transfer that has not worked out after electionTicks is given up.
 */
export function transferLeadership(core: Core, to: NodeId): TransferResult {
  const { state, leader } = core;
  if (state.role !== "leader") return { kind: "refused", reason: "not_leader", leader };
  if (to === core.id) return { kind: "refused", reason: "is_leader", leader };
  if (!isVoter(core.membership, to)) return { kind: "refused", reason: "not_a_voter", leader };
  if (state.transfer?.to !== to) state.transfer = { to, ageTicks: 0, asked: false };
  askWhenCaughtUp(core, state);
  return { kind: "accepted" };
}

/** Tells the target to campaign once it has the whole log. */
export function askWhenCaughtUp(core: Core, leader: Leader): void {
  const { transfer } = leader;
  if (transfer === undefined || transfer.asked) return;
  if (leader.progress.get(transfer.to)?.match !== core.log.lastIndex) return;
  transfer.asked = true;
  leader.leaseBroken = true;
  core.send({ kind: "timeoutNow", from: core.id, to: transfer.to, term: core.term });
}

export function tickTransfer(core: Core, leader: Leader): void {
  if (leader.transfer === undefined) return;
  leader.transfer.ageTicks += 1;
  if (leader.transfer.ageTicks >= core.config.electionTicks) leader.transfer = undefined;
}
