import type { StoredEntry } from "@murmur/storage";
import type { NodeId } from "@murmur/base";
import { decodeMembership, type Membership } from "@murmur/raft";
import { place, type RaftScene } from "./raft-scene.ts";

/** What a node was seen to take for committed. */
export interface CommitSeen {
  readonly index: number;
  readonly term: number;
  readonly leads: boolean;
  /** It may take more for committed: a heartbeat tells each follower only of what that has. */
  readonly partly?: true;
}

/** A node takes everything up to an index for committed: it is the same as everybody's, and rightly so. */
export function checkCommit(scene: RaftScene, seen: CommitSeen): void {
  const { log, history } = scene;
  const { commits } = history;
  const upTo = seen.index;
  // What a snapshot covers was compared when it was installed; what it will cover is not written yet.
  if (upTo > log.written.last || upTo <= log.commit || commits.last < log.written.base) return;
  for (let index = log.commit + 1; index <= Math.min(upTo, commits.last); index += 1) {
    checkSame(scene, index);
  }
  if (upTo > commits.last) {
    checkQuorum(scene, upTo);
    // What it counted by shows at the end of the step, when all of it is known.
    if (seen.partly) return;
    checkOwnTerm(scene, upTo, seen);
    for (let index = commits.last + 1; index <= upTo; index += 1) {
      const term = log.written.termAt(index);
      if (term === undefined) break;
      const entry = history.entries.find(index, term);
      if (entry?.kind === "normal") checkOnce(scene, entry);
      const membership = entry?.kind === "membership" ? decodeMembership(entry.data) : undefined;
      commits.add({ term, membership }, seen.term);
    }
  }
  log.commit = upTo;
}

function checkSame({ judge, host, log, history }: RaftScene, index: number): void {
  const term = log.written.termAt(index);
  const committed = history.commits.termAt(index);
  if (term === undefined || committed === undefined || term === committed) return;
  judge.refuse(
    "all hosts commit the same entry at an index",
    host,
    `it has committed ${place(index, term)}`,
    `${place(index, committed)} is committed elsewhere`,
  );
}

/** Raft, figure 8: what was replicated in an older term is committed by counting only along with an entry of the own. */
function checkOwnTerm({ judge, host, log }: RaftScene, index: number, { leads, term }: CommitSeen): void {
  const own = log.written.termAt(index);
  if (!leads || own === undefined || own === term) return;
  const fact = `it leads in term ${String(term)} and has committed up to ${String(index)}, which nobody had before`;
  judge.refuse("entries of older terms are never committed by counting", host, fact, `that is ${place(index, own)}`);
}

/** However often a request was offered, and to however many leaders. */
function checkOnce({ judge, host, history: { requests } }: RaftScene, { index, term, data }: StoredEntry): void {
  const request = Buffer.from(data).toString("latin1");
  const other = requests.get(request);
  requests.set(request, index);
  if (other === undefined) return;
  const fact = `it has committed a request as ${place(index, term)}`;
  judge.refuse("a request is committed once", host, fact, `the same one is entry ${String(other)}`);
}

function checkQuorum(scene: RaftScene, index: number): void {
  const { judge, host, log, history } = scene;
  const term = log.written.termAt(index);
  if (term === undefined) return;
  const holders = new Set([...history.logs].filter(([, other]) => other.holds({ index, term })).map(([id]) => id));
  const memberships = membershipsFor(scene, index);
  const enough = memberships.some((membership) => isQuorum(membership, holders));
  if (enough || memberships.length === 0) return;
  const [membership] = memberships;
  const fact = `it has committed ${place(index, term)} in a membership of ${JSON.stringify([membership?.voters, membership?.votersOutgoing])}`;
  const held = `durable only on ${JSON.stringify([...holders])}`;
  judge.refuse(
    "what is committed is durable on a quorum",
    host,
    fact,
    `${held}, it itself up to ${String(log.durable.last)}`,
  );
}

/** Counted here anew: a check that counts with the core's own function would make its mistakes. */
const isQuorum = ({ voters, votersOutgoing }: Membership, holders: ReadonlySet<NodeId>): boolean =>
  [voters, votersOutgoing].every(
    (half) => half.length === 0 || 2 * half.filter((id) => holders.has(id)).length > half.length,
  );

/**
 * The memberships that a node may rightly have counted by: the one that it worked with, which a new leader may know an
 * older one of than others do, and each that has come into force along with what it committed. Not the one that it
 * committed last: before that it wasn't in force.
 */
function membershipsFor({ log, history }: RaftScene, index: number): Membership[] {
  const { commits, entries } = history;
  const found = [log.inForce, commits.membershipAt(commits.last)].filter((known) => known !== undefined);
  for (let at = log.membershipBefore(index); at !== undefined && at.index > commits.last;) {
    const entry = entries.find(at.index, at.term);
    if (entry !== undefined) found.push(decodeMembership(entry.data));
    at = log.membershipBefore(at.index);
  }
  return found.filter(({ voters }) => voters.length > 0);
}
