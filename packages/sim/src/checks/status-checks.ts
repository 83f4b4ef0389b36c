import type { NodeId } from "@murmur/base";
import type { ManagerStatus } from "@murmur/manager";
import { encodeMembership, type Membership } from "@murmur/raft";
import { checkCommit } from "./commit-checks.ts";
import { place, type RaftScene } from "./raft-scene.ts";
import { checkLeader } from "./vote-checks.ts";

/** What was last seen of one life of a manager. */
export interface ManagerLife {
  term: number;
  commit: number;
  applied: number;
  membership: Membership | undefined;
  /** Of the term in `term`, while it leads. */
  readonly matches: Map<NodeId, number>;
}

/** A life that begins: from what is durable nothing may go back. */
export function newLife({ log }: Pick<RaftScene, "log">): ManagerLife {
  const { term, commit } = log.durableState;
  const durable = Math.min(commit, log.durable.last);
  return { term, commit: durable, applied: 0, membership: undefined, matches: new Map() };
}

/** What a manager shows after a step, against what it showed before. */
export function checkStatus(scene: RaftScene, life: ManagerLife, status: ManagerStatus): void {
  const { judge, host, log } = scene;
  const { term, commit, applied, role } = status;
  if (term < life.term) refuseBack(scene, "a term", [term, life.term]);
  if (commit < life.commit) refuseBack(scene, "a commit index", [commit, life.commit]);
  if (applied < life.applied) refuseBack(scene, "the index that is applied", [applied, life.applied]);
  if (term !== life.term || role !== "leader") life.matches.clear();
  life.term = term;
  life.commit = commit;
  life.applied = applied;
  if (applied > commit) {
    const fact = `it has applied up to ${String(applied)}`;
    judge.refuse("only what is committed is applied", host, fact, `its commit index is ${String(commit)}`);
  }
  if (applied > log.durable.last) {
    const fact = `it has applied up to ${String(applied)}`;
    judge.refuse("what is applied is durable", host, fact, `its log is durable up to ${String(log.durable.last)}`);
  }
  if (role === "leader" && log.owner !== undefined) checkLeader(scene, term, log.owner);
  if (!isBeingReplaced(scene, status)) checkCommit(scene, { index: commit, term, leads: role === "leader" });
  if (role === "leader") checkMatches(scene, life, status);
  checkMembership(scene, life, status);
}

function refuseBack({ judge, host }: RaftScene, what: string, [now, before]: readonly [number, number]): void {
  judge.refuse(`${what} never goes back`, host, `it is ${String(now)}`, `it was ${String(before)}`);
}

/**
 * While a snapshot takes the log's place, what is written is no part of the log any more. What it covers is compared when
 * it is installed, and what comes with it at the next look.
 */
function isBeingReplaced({ log }: RaftScene, { lastIndex, lastTerm }: ManagerStatus): boolean {
  return lastIndex <= log.written.last && log.written.termAt(lastIndex) !== lastTerm;
}

/** How far the leader thinks the others to be: never back, unless one has lost its log, and never too far. */
function checkMatches(
  { judge, host, log, history }: RaftScene,
  life: ManagerLife,
  { term: own, peers }: ManagerStatus,
): void {
  for (const { id, match } of peers) {
    const before = life.matches.get(id) ?? 0;
    if (match === before) continue;
    life.matches.set(id, match);
    const peer = history.logs.get(id);
    if (match < before) {
      if (peer !== undefined && peer.lostUpTo > 0) continue;
      const fact = `it takes ${id} to have its log up to ${String(match)}`;
      judge.refuse("a match never goes back", host, fact, `it was ${String(before)}`);
    }
    const term = log.written.termAt(match);
    if (term === undefined || peer?.heldFor(own, { index: match, term }) === true) continue;
    const fact = `it takes ${id} to have its log up to ${place(match, term)}`;
    judge.refuse(
      "a leader counts only what is durable",
      host,
      fact,
      `there ${String(peer?.durable.last ?? 0)} is durable`,
    );
  }
}

/** A membership comes into force when it is committed, not before. */
function checkMembership({ judge, host, log, history }: RaftScene, life: ManagerLife, status: ManagerStatus): void {
  const { membership, commit, peers } = status;
  if (membership === life.membership) return;
  // Whoever leaves and comes back begins anew.
  for (const id of life.matches.keys()) if (!peers.some((peer) => peer.id === id)) life.matches.delete(id);
  life.membership = membership;
  log.inForce = membership;
  const { commits } = history;
  if (commit > commits.last) return;
  const committed = commits.membershipAt(commit);
  const [own, known] = [encodeMembership(membership), encodeMembership(committed)];
  if (Buffer.compare(own, known) === 0) return;
  const fact = `it works with ${JSON.stringify(membership)} at commit index ${String(commit)}`;
  judge.refuse("a membership in force is committed", host, fact, `committed is ${JSON.stringify(committed)}`);
}
