import type { NodeId } from "@murmur/base";
import type { HardState } from "@murmur/storage";
import { isBefore } from "./raft-history.ts";
import { place, type RaftScene } from "./raft-scene.ts";

/** A host hands its disk a term and a vote: called before the mirror takes them over. */
export function checkHardState({ judge, host, log }: RaftScene, state: HardState): void {
  const before = log.writtenState;
  if (state.term < before.term) {
    const fact = `it writes term ${String(state.term)}`;
    judge.refuse("a term never goes back", host, fact, `it has written term ${String(before.term)}`);
  }
  const { votedFor, term } = state;
  const inTerm = before.term === term ? before.votedFor : undefined;
  const voted = log.votes.get(term) ?? inTerm;
  if (voted === undefined || voted === votedFor) return;
  const fact = `in term ${String(term)} it votes for ${votedFor ?? "nobody"}`;
  judge.refuse("a node has one vote a term", host, fact, `it has voted for ${voted}`);
}

/** A process finds a term and a vote on its disk, which may have begun a new log since: called before the mirror takes them over. */
export function checkHardStateFound({ judge, host, log }: RaftScene, { term, votedFor }: HardState): void {
  const durable = log.durableState.term;
  if (term < durable) {
    const fact = `it finds term ${String(term)} on its disk`;
    judge.refuse("a term never goes back", host, fact, `durable was term ${String(durable)}`);
  }
  const voted = log.votes.get(term);
  if (voted === undefined || voted === votedFor) return;
  const fact = `it finds on its disk that it voted for ${votedFor ?? "nobody"} in term ${String(term)}`;
  judge.refuse("a node has one vote a term", host, fact, `durable was its vote for ${voted}`);
}

/** A vote leaves the host: granted to a candidate, or its own with which it campaigns. */
export function checkVoteSent({ judge, host, log }: RaftScene, term: number, candidate: NodeId): void {
  const durable = log.votes.get(term);
  if (durable === candidate) return;
  if (durable === undefined && log.durableState.term > term) {
    // It was passed over on the disk for a later term's: with that, the node never votes in this term again.
    log.votes.set(term, candidate);
    return;
  }
  const fact = `it sends its vote of term ${String(term)} for ${candidate}`;
  const held = durable === undefined ? "no vote of that term is durable" : `durable is its vote for ${durable}`;
  judge.refuse("a vote is durable before it leaves", host, fact, held);
}

/**
 * The log is about to be lost or to begin anew. What was committed in a later term than the node's it may never have
 * acknowledged to a leader of that term: only that a leader of its own term or a later one has, it has promised to keep.
 */
export function notePromised({ log, history: { commits } }: RaftScene): void {
  const { durable, durableState } = log;
  for (let index = Math.min(durable.last, commits.lastBefore(durableState.term + 1)); index > 0; index -= 1) {
    const term = commits.termAt(index);
    if (term === undefined || index < durable.base) return;
    if (durable.termAt(index) !== term) continue;
    if (log.promised === undefined || isBefore(log.promised, { index, term })) log.promised = { index, term };
    return;
  }
}

/** A host gives a candidate its vote, or says that it would. */
export function checkGranted({ judge, host, log, history }: RaftScene, term: number, candidate: NodeId): void {
  const { promised } = log;
  const asked = history.asked(candidate, term);
  if (promised === undefined || asked === undefined || !isBefore(asked, promised)) return;
  judge.refuse(
    "who has lost a log votes for none that lacks what was committed in it",
    host,
    `in term ${String(term)} it is for ${candidate}, whose log ends with ${place(asked.index, asked.term)}`,
    `it has had ${place(promised.index, promised.term)}, which is committed`,
  );
}

/** A host leads, or speaks as a leader. */
export function checkLeader(scene: RaftScene, term: number, id: NodeId): void {
  const { judge, host, log, history } = scene;
  const known = history.leaders.get(term);
  if (known?.id === id) return;
  if (known !== undefined) {
    const fact = `it leads as ${id} in term ${String(term)}`;
    judge.refuse("a term has one leader", host, fact, `${known.host} leads in it as ${known.id}`);
  }
  history.leaders.set(term, { id, host: host.name });
  const index = history.commits.lastBefore(term);
  const committed = history.commits.termAt(index);
  if (committed === undefined || log.written.covers({ index, term: committed })) return;
  const own = log.written.termAt(index);
  judge.refuse(
    "a leader has every entry that was committed before its term",
    host,
    `it leads in term ${String(term)} with a log up to ${String(log.written.last)}${own === undefined ? "" : ` and ${place(index, own)}`}`,
    `${place(index, committed)} is committed`,
  );
}
