import { decodeMembership, isJoint, type Membership, type Position } from "@murmur/raft";
import type { StoredEntry } from "@murmur/storage";
import { place, statusOf, type RaftScene } from "./raft-scene.ts";

/**
 * A leader writes a new membership. Only of a leader is known what it knew to be committed when it did. `before`: the
 * membership entry before this one in its log.
 */
export function checkMembershipEntry(scene: RaftScene, entry: StoredEntry, before: Position | undefined): void {
  const { judge, host, log } = scene;
  const status = statusOf(host);
  if (status?.role !== "leader" || status.term !== entry.term) return;
  const { commit } = status;
  const fact = `it writes a membership as ${place(entry.index, entry.term)} while its commit index is ${String(commit)}`;
  const committedTerm = log.written.termAt(commit);
  if (committedTerm !== undefined && committedTerm !== entry.term) {
    judge.refuse(
      "no membership is proposed before an entry of the own term is committed",
      host,
      fact,
      `the entry there is of term ${String(committedTerm)}`,
    );
  }
  const previous = membershipBehind(scene, before);
  if (previous === undefined) return;
  if (before !== undefined && before.index > commit) {
    const check = isJoint(previous)
      ? "joint consensus is left only once it is committed"
      : "one change of the membership at a time";
    judge.refuse(check, host, fact, `the membership before it is ${place(before.index, before.term)}`);
  }
  const next = decodeMembership(entry.data);
  if (isJoint(next) && !isJoint(previous) && next.votersOutgoing.join() === previous.voters.join()) return;
  const simple = isJoint(previous)
    ? !isJoint(next) && next.voters.join() === previous.voters.join()
    : !isJoint(next) && votersChanged(previous, next) <= 1;
  if (simple) return;
  judge.refuse(
    "memberships that follow each other have overlapping majorities",
    host,
    `${fact}: ${JSON.stringify(next)}`,
    `it follows ${JSON.stringify(previous)}`,
  );
}

/** What the log has before an entry: in a membership entry, or in the snapshot that it begins with, all of it committed. */
function membershipBehind({ log, history }: RaftScene, before: Position | undefined): Membership | undefined {
  const { base } = log.written;
  if (before !== undefined && before.index > base) {
    const known = history.entries.find(before.index, before.term);
    return known && decodeMembership(known.data);
  }
  const ofSnapshot = history.commits.membershipAt(base);
  return ofSnapshot.voters.length === 0 ? undefined : ofSnapshot;
}

const votersChanged = (from: Membership, to: Membership): number =>
  new Set(from.voters).symmetricDifference(new Set(to.voters)).size;
