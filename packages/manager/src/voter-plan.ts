import type { NodeId } from "@murmur/base";
import type { ClusterNode } from "@murmur/model";

/** What the plan needs to know of one node. */
export interface VoterCandidate {
  readonly id: NodeId;
  readonly usable: boolean;
  readonly zone: string;
  readonly pinned: "manager" | "worker" | undefined;
}

/**
 * Where raft's membership stands. `caughtUp` holds the learners that may vote at once: their log is close enough, and they
 * keep the keys of secrets.
 */
export interface MembershipFacts {
  readonly leader: NodeId;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly caughtUp: ReadonlySet<NodeId>;
  /** Who the leader hears from, voters and learners; those first whose log is longest. */
  readonly heard: readonly NodeId[];
  /** To whom it has handed over in vain; the last one last. */
  readonly tried: readonly NodeId[];
  /** A change is on its way: nothing new is begun. */
  readonly changing: boolean;
}

/** The membership to ask raft for, or nothing to do. */
export type VoterPlan =
  | { readonly kind: "none" }
  | { readonly kind: "change"; readonly voters: readonly NodeId[]; readonly learners: readonly NodeId[] }
  | { readonly kind: "transfer"; readonly to: NodeId };

/** How many voters a cluster of so many nodes should have: odd, at most `wanted`, one below three nodes. */
export function voterCount(wanted: number, nodes: number): number {
  if (nodes < 3) return Math.min(1, nodes);
  const limit = Math.min(wanted, nodes);
  return limit % 2 === 0 ? limit - 1 : limit;
}

/** The zone a node says it is in, by its label; nodes without one share a zone. */
export const zoneOf = (node: ClusterNode): string => node.spec.labels["zone"] ?? "";

/**
 * Chooses the next step towards the wanted voters. Invariants: a node votes only after its log has caught up as a
 * learner, and not while it counts as usable without being heard from; a usable voter is never dropped while the voters
 * that stay could not lose as many nodes as before; the leader leaves only by handing over first, to one that it hears
 * from; no majority is asked for that doesn't work, of nodes that are usable and heard from: one that has died a moment
 * ago counts as usable still. A node that is pinned as a manager and doesn't vote, because the number of voters is odd,
 * stays a learner: it has a copy of the state.
 */
export function planVoters(candidates: readonly VoterCandidate[], facts: MembershipFacts, wanted: number): VoterPlan {
  if (facts.changing) return { kind: "none" };
  const known = new Map(candidates.map((candidate) => [candidate.id, candidate]));
  const target = chooseVoters(candidates, facts, wanted);
  if (!target.includes(facts.leader)) {
    const heir = heirOf(candidates, facts, target);
    if (heir !== undefined) return { kind: "transfer", to: heir };
  }
  const standby = standbyOf(candidates, facts, target);
  // A learner that died a moment ago counts as usable still, and soon another one is chosen. Where there is no other, one
  // that is known to be down votes: so what is written is on two of three disks, not on one.
  const isAwaited = (id: NodeId): boolean => known.get(id)?.usable === true && !facts.heard.includes(id);
  const ready = target.filter((id) => facts.voters.includes(id) || (facts.caughtUp.has(id) && !isAwaited(id)));
  const joining = target.filter((id) => !ready.includes(id));
  const leaving = facts.voters.filter((id) => !target.includes(id));
  // Voters that go make room only as their successors are ready, so that the number of working voters never falls.
  const gone = leaving.filter((id) => !known.has(id));
  const replaceable = leaving.filter((id) => known.has(id)).slice(0, joining.length === 0 ? undefined : 0);
  const dropped = new Set([...gone, ...replaceable]);
  // The leader goes last: once another voter can take over, the plan is to transfer, and the heir drops it.
  dropped.delete(facts.leader);
  const voters = [...new Set([...facts.voters.filter((id) => !dropped.has(id)), ...grow(ready, facts, joining)])];
  const kept = facts.learners.filter((id) => target.includes(id));
  const learners = [...new Set([...kept, ...joining, ...standby])].filter((id) => !voters.includes(id));
  if (voters.length === 0) return { kind: "none" };
  if (sameSet(voters, facts.voters) && sameSet(learners, facts.learners)) return { kind: "none" };
  const works = (id: NodeId): boolean =>
    id === facts.leader || (known.get(id)?.usable === true && facts.heard.includes(id));
  if (!hasMajority(voters, works)) return { kind: "none" };
  return { kind: "change", voters: voters.toSorted(), learners: learners.toSorted() };
}

/**
 * Who is to lead in the leader's place: one that stays a voter, or else one that then stays as the leader. Who hasn't taken
 * it is asked again when all others were.
 */
function heirOf(
  candidates: readonly VoterCandidate[],
  { heard, tried, voters }: MembershipFacts,
  target: readonly NodeId[],
): NodeId | undefined {
  const able = new Set(candidates.filter(({ usable, pinned }) => usable && pinned !== "worker").map(({ id }) => id));
  const heirs = heard.filter((id) => voters.includes(id) && able.has(id));
  const untried = heirs.filter((id) => !tried.includes(id));
  return untried.find((id) => target.includes(id)) ?? untried[0] ?? tried.find((id) => heirs.includes(id));
}

/** The pinned managers that shall not vote. One that is down is left as it is. */
function standbyOf(
  candidates: readonly VoterCandidate[],
  { voters, learners }: MembershipFacts,
  target: readonly NodeId[],
): NodeId[] {
  const isMember = (id: NodeId): boolean => voters.includes(id) || learners.includes(id);
  return candidates
    .filter(({ id, pinned, usable }) => pinned === "manager" && !target.includes(id) && (usable || isMember(id)))
    .map(({ id }) => id);
}

/**
 * Which of the ready nodes vote now. New ones wait for each other, so that the number of voters goes from odd to odd:
 * with an even number one more node is needed for a quorum and none more may be lost.
 */
function grow(ready: readonly NodeId[], facts: MembershipFacts, joining: readonly NodeId[]): NodeId[] {
  const present = ready.filter((id) => facts.voters.includes(id));
  return joining.length === 0 ? [...ready] : present;
}

/** The nodes that should vote: usable ones, the leader first, then by pin, present voters, spread over zones, by id. */
function chooseVoters(candidates: readonly VoterCandidate[], facts: MembershipFacts, wanted: number): NodeId[] {
  const eligible = candidates.filter((candidate) => candidate.pinned !== "worker");
  const pinned = eligible.filter((candidate) => candidate.pinned === "manager").length;
  const count = voterCount(Math.max(wanted, pinned), eligible.length);
  const chosen: VoterCandidate[] = [];
  const zones = new Map<string, number>();
  const rank = (candidate: VoterCandidate): readonly (number | string)[] => [
    candidate.usable ? 0 : 1,
    // Who makes another node a manager doesn't say that this one is to be none: the other is a learner then.
    candidate.id === facts.leader ? 0 : 1,
    candidate.pinned === "manager" ? 0 : 1,
    // A voter is kept even where another zone would spread better: moving votes about is not free.
    facts.voters.includes(candidate.id) ? 0 : 1,
    zones.get(candidate.zone) ?? 0,
    facts.learners.includes(candidate.id) ? 0 : 1,
    candidate.id,
  ];
  const rest = new Set(eligible);
  while (chosen.length < count) {
    // Not sorted: there may be thousands, and this is asked four times a second.
    let next: VoterCandidate | undefined;
    for (const candidate of rest) if (next === undefined || compare(rank(candidate), rank(next)) < 0) next = candidate;
    if (next === undefined) break;
    rest.delete(next);
    chosen.push(next);
    zones.set(next.zone, (zones.get(next.zone) ?? 0) + 1);
  }
  return chosen.map((candidate) => candidate.id);
}

function compare(left: readonly (number | string)[], right: readonly (number | string)[]): number {
  for (const [place, value] of left.entries()) {
    const other = right[place];
    if (other === undefined || value === other) continue;
    return value < other ? -1 : 1;
  }
  return 0;
}

const hasMajority = (voters: readonly NodeId[], works: (id: NodeId) => boolean): boolean =>
  voters.filter(works).length > voters.length / 2;

const sameSet = (left: readonly NodeId[], right: readonly NodeId[]): boolean =>
  left.length === right.length && left.every((id) => right.includes(id));
