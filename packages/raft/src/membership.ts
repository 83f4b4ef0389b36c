import { assert, nodeId, type NodeId } from "@murmur/base";

/**
 * Who takes part. While `votersOutgoing` is not empty the cluster is in joint consensus: decisions need a majority of
 * `voters` and one of `votersOutgoing`. All lists are sorted and free of duplicates.
 * Invariant: learners and voters are disjoint; learnersNext is a part of votersOutgoing.
 */
export interface Membership {
  readonly voters: readonly NodeId[];
  readonly votersOutgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Voters on their way out that become learners when the joint phase ends. */
  readonly learnersNext: readonly NodeId[];
  /** The leader ends the joint phase by itself as soon as it is committed. */
  readonly autoLeave: boolean;
}

/** The membership of a node that belongs to no cluster yet: it waits for a leader to tell it more. */
export const NO_MEMBERSHIP: Membership = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

/** A plain membership with these voters and learners. */
export function membershipOf(voters: readonly NodeId[], learners: readonly NodeId[] = []): Membership {
  return { ...NO_MEMBERSHIP, voters: sortedIds(voters), learners: sortedIds(learners) };
}

/** Sorted, each once. */
export const sortedIds = (ids: Iterable<NodeId>): NodeId[] => [...new Set(ids)].toSorted();

export const isJoint = (membership: Membership): boolean => membership.votersOutgoing.length > 0;

export const isVoter = (membership: Membership, id: NodeId): boolean =>
  membership.voters.includes(id) || membership.votersOutgoing.includes(id);

/** All voters of both halves, sorted. */
export const votersOf = (membership: Membership): NodeId[] =>
  sortedIds([...membership.voters, ...membership.votersOutgoing]);

/** Everyone the leader replicates to, sorted. */
export const membersOf = (membership: Membership): NodeId[] =>
  sortedIds([...membership.voters, ...membership.votersOutgoing, ...membership.learners]);

const LISTS = ["voters", "votersOutgoing", "learners", "learnersNext"] as const;

/** The bytes of a membership entry: ASCII JSON with a fixed key order, the same on every node. */
export function encodeMembership(membership: Membership): Uint8Array {
  const text = JSON.stringify([...LISTS.map((list) => membership[list]), membership.autoLeave]);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    assert(code < 0x80, "node ids are ASCII");
    bytes[at] = code;
  }
  return bytes;
}

/** Reads what `encodeMembership` wrote. Throws on anything else: a committed entry cannot be refused. */
export function decodeMembership(bytes: Uint8Array): Membership {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  const fields: unknown = JSON.parse(text);
  assert(Array.isArray(fields) && fields.length === LISTS.length + 1, "a membership has five fields");
  const [voters, votersOutgoing, learners, learnersNext, autoLeave]: unknown[] = fields;
  assert(typeof autoLeave === "boolean", "autoLeave is a boolean");
  return {
    voters: idsFrom(voters),
    votersOutgoing: idsFrom(votersOutgoing),
    learners: idsFrom(learners),
    learnersNext: idsFrom(learnersNext),
    autoLeave,
  };
}

function idsFrom(value: unknown): NodeId[] {
  assert(Array.isArray(value), "a membership's lists are arrays");
  return value.map((id: unknown) => {
    assert(typeof id === "string", "node ids are strings");
    return nodeId(id);
  });
}
