import type { NodeId } from "@murmur/base";
import type { Core } from "./core.ts";
import { isVoter, type Membership } from "./membership.ts";
import type { Progress } from "./progress.ts";
import { pendingReads } from "./reads.ts";
import type { Index, Role, Term } from "./types.ts";

export interface PeerStatus {
  readonly id: NodeId;
  readonly learner: boolean;
  readonly sending: "probe" | "replicate" | "snapshot";
  readonly match: Index;
  readonly next: Index;
  /** Heard from since the last quorum check. */
  readonly active: boolean;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
}

/** A readonly picture of a core, for metrics, decisions of its owner, and tests. */
export interface Status {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: Term;
  readonly vote: NodeId | undefined;
  readonly leader: NodeId | undefined;
  readonly commit: Index;
  readonly applied: Index;
  /** Durable here. */
  readonly stable: Index;
  readonly firstIndex: Index;
  readonly lastIndex: Index;
  /** Of the entry at `lastIndex`: of two logs, the one with the later last term, then the higher index, knows more. */
  readonly lastTerm: Term;
  readonly uncommittedBytes: number;
  readonly membership: Membership;
  /** A change of the membership that is in the leader's log but not committed. */
  readonly pendingMembership: Index | undefined;
  readonly transferringTo: NodeId | undefined;
  readonly pendingReads: number;
  /** The disk lost entries: this node does not vote yet. */
  readonly recovering: boolean;
  /** On a leader: every other member, sorted by id. */
  readonly peers: readonly PeerStatus[];
}

export function statusOf(core: Core): Status {
  const { state, log } = core;
  const leader = state.role === "leader" ? state : undefined;
  const pending = leader !== undefined && leader.membershipIndex > log.commit;
  return {
    id: core.id,
    role: state.role,
    term: core.term,
    vote: core.vote,
    leader: core.leader,
    commit: log.commit,
    applied: log.applied,
    stable: core.writes.stable,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    uncommittedBytes: log.uncommittedBytes,
    membership: core.membership,
    pendingMembership: pending ? leader.membershipIndex : undefined,
    transferringTo: leader?.transfer?.to,
    pendingReads: pendingReads(core),
    recovering: core.recovering !== undefined,
    peers: leader === undefined ? [] : peersOf(core, leader.progress),
  };
}

/** In the order of their ids, which nearly always is the one that they are held in. */
function peersOf(core: Core, progress: ReadonlyMap<NodeId, Progress>): PeerStatus[] {
  const peers: PeerStatus[] = [];
  let isSorted = true;
  progress.forEach((one, id) => {
    const last = peers[peers.length - 1];
    if (last !== undefined && last.id > id) isSorted = false;
    peers.push(peerStatus(core, id, one));
  });
  return isSorted ? peers : peers.sort((left, right) => (left.id < right.id ? -1 : 1));
}

function peerStatus(core: Core, id: NodeId, { match, next, active, sending }: Progress): PeerStatus {
  const inflight = sending.kind === "replicate" ? sending.inflight : undefined;
  return {
    id,
    learner: !isVoter(core.membership, id),
    sending: sending.kind,
    match,
    next,
    active,
    inflightMessages: inflight?.count ?? 0,
    inflightBytes: inflight?.bytes ?? 0,
  };
}
