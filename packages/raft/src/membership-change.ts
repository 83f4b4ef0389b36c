import { unreachable, type NodeId } from "@murmur/base";
import { isJoint, sortedIds, type Membership } from "./membership.ts";

/** One step of a change. Adding a learner that is a voter demotes it; adding a voter that is a learner promotes it. */
export interface MemberStep {
  readonly kind: "addVoter" | "addLearner" | "remove";
  readonly node: NodeId;
}

/**
 * A wanted change of the membership.
 * - `change`, transition `auto`: in one step if at most one voter changes, else through joint consensus which the leader
 *   leaves by itself; `joint`: through joint consensus, left by the leader itself; `jointExplicit`: joint until told
 *   `leaveJoint`.
 */
export type MembershipChange =
  | {
      readonly kind: "change";
      readonly steps: readonly MemberStep[];
      readonly transition: "auto" | "joint" | "jointExplicit";
    }
  | { readonly kind: "leaveJoint" };

export type ChangeResult =
  { readonly kind: "changed"; readonly membership: Membership } | { readonly kind: "invalid"; readonly why: string };

const invalid = (why: string): ChangeResult => ({ kind: "invalid", why });

/** The membership after `change`, or why it cannot be made. Raft thesis 4.1 (single step) and 4.3 (joint consensus). */
export function changeOf(current: Membership, change: MembershipChange): ChangeResult {
  switch (change.kind) {
    case "leaveJoint":
      return leaveJoint(current);
    case "change": {
      if (isJoint(current)) return invalid("the membership is in a joint phase; leave it first");
      if (change.steps.length === 0) return invalid("the change has no steps");
      const nodes = new Set(change.steps.map((step) => step.node));
      if (nodes.size !== change.steps.length) return invalid("the change names a node twice");
      const next = afterSteps(current, change.steps);
      if (next.voters.length === 0) return invalid("the change would leave no voters");
      const simple = votersChanged(current, next) <= 1;
      if (change.transition === "auto" && simple) return { kind: "changed", membership: next };
      return { kind: "changed", membership: enterJoint(current, next, change.transition !== "jointExplicit") };
    }
    default:
      return unreachable(change);
  }
}

function afterSteps(current: Membership, steps: readonly MemberStep[]): Membership {
  const voters = new Set(current.voters);
  const learners = new Set(current.learners);
  for (const { kind, node } of steps) {
    voters.delete(node);
    learners.delete(node);
    if (kind === "addVoter") voters.add(node);
    if (kind === "addLearner") learners.add(node);
  }
  return { ...current, voters: sortedIds(voters), learners: sortedIds(learners) };
}

const votersChanged = (from: Membership, to: Membership): number =>
  new Set(from.voters).symmetricDifference(new Set(to.voters)).size;

/** A demoted voter stays a voter of the outgoing half; it becomes a learner only when that half is gone. */
function enterJoint(current: Membership, next: Membership, autoLeave: boolean): Membership {
  const outgoing = new Set(current.voters);
  return {
    voters: next.voters,
    votersOutgoing: current.voters,
    learners: next.learners.filter((id) => !outgoing.has(id)),
    learnersNext: next.learners.filter((id) => outgoing.has(id)),
    autoLeave,
  };
}

function leaveJoint(current: Membership): ChangeResult {
  if (!isJoint(current)) return invalid("the membership is not in a joint phase");
  const membership: Membership = {
    voters: current.voters,
    votersOutgoing: [],
    learners: sortedIds([...current.learners, ...current.learnersNext]),
    learnersNext: [],
    autoLeave: false,
  };
  return { kind: "changed", membership };
}
