import { decodeMembership, encodeMembership } from "@murmur/raft";
import type { SnapshotMeta, StoredEntry, WriteBatch } from "@murmur/storage";
import { checkMembershipEntry } from "./membership-checks.ts";
import { place, type RaftScene } from "./raft-scene.ts";

/** What a host hands its disk: called before the mirror takes it over. */
export function checkWritten(scene: RaftScene, { entries = [] }: WriteBatch): void {
  const { judge, host, log } = scene;
  const [first] = entries;
  if (first === undefined) return;
  if (first.index > log.written.last + 1) {
    judge.refuse(
      "a log has no gaps",
      host,
      `it writes ${place(first.index, first.term)}`,
      `its log ends at ${String(log.written.last)}`,
    );
  }
  checkCut(scene, entries, first.index);
  let previous = log.written.termAt(first.index - 1);
  let membership = log.membershipBefore(first.index);
  for (const entry of entries) {
    const isNew = checkEntry(scene, entry, previous);
    previous = entry.term;
    if (entry.kind !== "membership") continue;
    if (isNew) checkMembershipEntry(scene, entry, membership);
    membership = entry;
  }
}

/** Returns whether no log has had the entry before. */
function checkEntry(scene: RaftScene, entry: StoredEntry, previous: number | undefined): boolean {
  const { judge, host, history } = scene;
  const { index, term } = entry;
  if (previous !== undefined && term < previous) {
    judge.refuse(
      "terms never fall along a log",
      host,
      `it writes ${place(index, term)}`,
      `the one before is of term ${String(previous)}`,
    );
  }
  const seen = history.entries.see(entry, previous, host.name);
  if (typeof seen === "object") {
    const fact = `it writes ${entry.kind} of ${String(entry.data.length)} bytes as ${place(index, term)}, after one of term ${String(previous)}`;
    judge.refuse("entries of the same index and term are the same, and follow the same", host, fact, seen.differs);
  }
  const committed = history.commits.termAt(index);
  // A leader of an older term may go on for a while, cut off from those who have committed something else meanwhile.
  if (committed !== undefined && committed !== term && index <= history.commits.lastBefore(term)) {
    const fact = `it writes ${place(index, term)}`;
    judge.refuse("a committed entry stays in its place", host, fact, `${place(index, committed)} is committed`);
  }
  return seen === "new";
}

/** What is cut off was never committed. */
function checkCut({ judge, host, log, history }: RaftScene, entries: readonly StoredEntry[], from: number): void {
  for (let index = from; index <= log.written.last; index += 1) {
    const term = log.written.termAt(index);
    if (term === undefined || history.commits.termAt(index) !== term) continue;
    const next = entries[index - from];
    if (next?.term === term) continue;
    const fact = `it cuts off ${place(index, term)}, writing from ${String(from)} on`;
    judge.refuse("a committed entry is never cut off", host, fact, "that entry is committed");
  }
}

/** A snapshot that came from elsewhere is about to take the log's place. */
export function checkInstalled(scene: RaftScene, snapshot: SnapshotMeta): void {
  const { judge, host, log } = scene;
  checkSnapshot(scene, snapshot);
  const { index, term } = snapshot;
  if (log.durable.has({ index, term })) return;
  const known = Math.max(log.durable.base, log.commit);
  if (index >= known) return;
  const fact = `a snapshot at ${String(index)} replaces its log`;
  judge.refuse(
    "a snapshot never replaces a log that knows more",
    host,
    fact,
    `it had committed up to ${String(known)}`,
  );
}

/** A snapshot holds what is committed, with the membership of that moment. */
export function checkSnapshot({ judge, host, history }: RaftScene, snapshot: SnapshotMeta): void {
  const { commits } = history;
  const { index, term, membership } = snapshot;
  const committed = commits.termAt(index);
  const fact = `its snapshot ends with ${place(index, term)}`;
  if (index > commits.last)
    judge.refuse("a snapshot holds only what is committed", host, fact, `nothing is behind ${String(commits.last)}`);
  if (committed !== undefined && committed !== term)
    judge.refuse("a snapshot holds only what is committed", host, fact, `${place(index, committed)} is committed`);
  const known = encodeMembership(commits.membershipAt(index));
  if (Buffer.compare(known, membership) === 0) return;
  const shown = (bytes: Uint8Array): string => JSON.stringify(decodeMembership(bytes));
  judge.refuse(
    "a snapshot holds the membership of its moment",
    host,
    `its snapshot at ${String(index)} says ${shown(membership)}`,
    `${shown(known)} was in force`,
  );
}
