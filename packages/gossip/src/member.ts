import type { Millis, NodeId } from "@murmur/base";
import type { AliveClaim, Claim } from "./claim.ts";

/** In the order in which a later one wins over an earlier one at the same incarnation. */
export const MEMBER_STATES = ["alive", "suspect", "dead", "left"] as const;
export type MemberState = (typeof MEMBER_STATES)[number];

/** A member as others see it. */
export interface Member {
  readonly id: NodeId;
  readonly address: string;
  readonly meta: Uint8Array;
  readonly state: MemberState;
  readonly incarnation: number;
  /** When it got into its state, by this node's clock. */
  readonly since: Millis;
}

/** Whether a member may be there: alive, or suspected only. */
export const isLive = (state: MemberState): boolean => state === "alive" || state === "suspect";

interface Status {
  readonly state: MemberState;
  readonly incarnation: number;
}

/** What a member says about itself; newest incarnation wins. */
export interface Content {
  readonly address: string;
  readonly meta: Uint8Array;
  readonly incarnation: number;
}

/**
 * What is known about a member. Status and content are versioned apart: a suspicion may bring news of an incarnation
 * whose alive claim has not come yet. Both merge as least upper bounds of a total order, so the outcome does not depend
 * on the order or the number of times in which claims arrive.
 */
export interface MemberRecord {
  readonly id: NodeId;
  readonly status: Status;
  /** Undefined for a tombstone of a member that was never seen alive here; not shown to anybody. */
  readonly content: Content | undefined;
  readonly since: Millis;
}

/** The status that wins: the higher incarnation, then the later state. */
function laterStatus(left: Status, right: Status): Status {
  if (left.incarnation !== right.incarnation) return left.incarnation > right.incarnation ? left : right;
  return MEMBER_STATES.indexOf(right.state) > MEMBER_STATES.indexOf(left.state) ? right : left;
}

/**
 * The content that wins: the higher incarnation. Two contents of one incarnation come from two runs of a node (or from
 * two nodes with one id); any rule will do until the owner speaks, if all nodes have the same.
 */
function laterContent(left: Content | undefined, right: Content): Content {
  if (left === undefined) return right;
  if (left.incarnation !== right.incarnation) return left.incarnation > right.incarnation ? left : right;
  if (left.address !== right.address) return left.address > right.address ? left : right;
  return compareBytes(left.meta, right.meta) >= 0 ? left : right;
}

/** What is known after a claim. `since` is when its state began, in case the claim changes it. */
export function merged(before: MemberRecord | undefined, claim: Claim, since: Millis): MemberRecord {
  const claimed = { state: claim.kind, incarnation: claim.incarnation };
  const status = before === undefined ? claimed : laterStatus(before.status, claimed);
  const content = claim.kind === "alive" ? laterContent(before?.content, contentOf(claim)) : before?.content;
  const sameState = before !== undefined && before.status.state === status.state;
  return { id: claim.id, status, content, since: sameState ? before.since : since };
}

/** Whether two contents say the same, whatever their incarnations. */
export function sameContent(left: Omit<Content, "incarnation">, right: Omit<Content, "incarnation">): boolean {
  return left.address === right.address && compareBytes(left.meta, right.meta) === 0;
}

const contentOf = ({ address, meta, incarnation }: AliveClaim): Content => ({ address, meta, incarnation });

/** The public view of a record; undefined for a tombstone without content. */
export function viewOf(record: MemberRecord | undefined): Member | undefined {
  if (record?.content === undefined) return undefined;
  const { id, status, content, since } = record;
  return { id, address: content.address, meta: content.meta, ...status, since };
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
