import type { NodeId } from "@murmur/base";
import { hasOwnCommit } from "./commit.ts";
import type { Core } from "./core.ts";
import { encodeMembership, isJoint } from "./membership.ts";
import { changeOf, type MembershipChange } from "./membership-change.ts";
import type { Leader } from "./role.ts";
import { ENTRY_OVERHEAD_BYTES, type Entry, type EntryKind, type Index, type Term } from "./types.ts";

export type ProposeResult =
  | { readonly kind: "accepted"; readonly term: Term; readonly firstIndex: Index }
  | {
      readonly kind: "refused";
      /** `overloaded`: try again in a moment; `too_large`: no trying again would help. */
      readonly reason: "not_leader" | "overloaded" | "transferring" | "too_large";
      readonly leader: NodeId | undefined;
    };

/**
 * Appends entries to the leader's log, all or none. They are committed when an entry with the same index and this term
 * comes out of a Ready; another term at that index means that they are lost.
 */
export function propose(core: Core, data: readonly Uint8Array[]): ProposeResult {
  const { state, config, log, leader } = core;
  if (state.role !== "leader") return { kind: "refused", reason: "not_leader", leader };
  if (state.transfer !== undefined) return { kind: "refused", reason: "transferring", leader };
  const sizes = data.map((bytes) => bytes.byteLength + ENTRY_OVERHEAD_BYTES);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const exceeds = (before: { readonly entries: number; readonly bytes: number }): boolean =>
    before.entries + sizes.length > config.maxUncommittedEntries || before.bytes + bytes > config.maxUncommittedBytes;
  const tooLarge = sizes.some((size) => size > config.maxEntryBytes) || exceeds({ entries: 0, bytes: 0 });
  if (tooLarge) return { kind: "refused", reason: "too_large", leader };
  const overloaded = exceeds({ entries: log.uncommittedEntries, bytes: log.uncommittedBytes });
  if (overloaded) return { kind: "refused", reason: "overloaded", leader };
  const firstIndex = log.lastIndex + 1;
  log.append(data.map((one, at) => entryOf(core, firstIndex + at, { kind: "normal", data: one })));
  return { kind: "accepted", term: core.term, firstIndex };
}

const entryOf = ({ term }: Core, index: Index, what: { kind: EntryKind; data: Uint8Array }): Entry => ({
  index,
  term,
  ...what,
});

export type ChangeMembershipResult =
  | { readonly kind: "accepted"; readonly term: Term; readonly index: Index }
  | {
      readonly kind: "refused";
      /** `pending`: another change is not committed yet. `not_ready`: nothing of the own term is committed yet. */
      readonly reason: "not_leader" | "transferring" | "pending" | "not_ready" | "invalid";
      readonly leader: NodeId | undefined;
      /** One line for people. */
      readonly why: string;
    };

/**
 * Proposes a change of the membership. It comes into force on each node when that node learns that it is committed.
 * One at a time, and none before an entry of the own term is committed: two leaders could else work with memberships
 * whose majorities do not meet (the flaw in single-server changes that Ongaro published in 2015).
 */
export function changeMembership(core: Core, change: MembershipChange): ChangeMembershipResult {
  const { state, leader } = core;
  const refused = (
    reason: Extract<ChangeMembershipResult, { kind: "refused" }>["reason"],
    why: string,
  ): ChangeMembershipResult => ({ kind: "refused", reason, leader, why });
  if (state.role !== "leader") return refused("not_leader", "this node does not lead");
  if (state.transfer !== undefined) return refused("transferring", "leadership is being handed over");
  if (state.membershipIndex > core.log.commit) return refused("pending", "another change is under way");
  if (!hasOwnCommit(core)) return refused("not_ready", "the leader is new and has committed nothing yet");
  const result = changeOf(core.membership, change);
  if (result.kind === "invalid") return refused("invalid", result.why);
  const data = encodeMembership(result.membership);
  if (data.byteLength + ENTRY_OVERHEAD_BYTES > core.config.maxEntryBytes) {
    return refused("invalid", "the membership is too large for one entry");
  }
  const index = core.log.lastIndex + 1;
  core.log.append([entryOf(core, index, { kind: "membership", data })]);
  state.membershipIndex = index;
  return { kind: "accepted", term: core.term, index };
}

/** Ends a joint phase that is meant to end by itself, on whichever leader finds it. */
export function leaveJointWhenDue(core: Core, { membershipIndex, transfer }: Leader): void {
  const due = isJoint(core.membership) && core.membership.autoLeave;
  if (!due || transfer !== undefined || membershipIndex > core.log.commit || !hasOwnCommit(core)) return;
  changeMembership(core, { kind: "leaveJoint" });
}
