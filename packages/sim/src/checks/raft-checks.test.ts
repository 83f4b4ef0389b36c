import { encodeMembership, membershipOf, NO_MEMBERSHIP, type Membership } from "@murmur/raft";
import { describe, expect, it } from "vitest";
import {
  A,
  B,
  C,
  D,
  E,
  entry,
  fakeCluster,
  MEMBERS,
  membershipEntry,
  peer,
  type FakeCluster,
} from "./testing/fake-managers.ts";

const JOINT: Membership = { ...NO_MEMBERSHIP, voters: [A, D, E], votersOutgoing: [A, B, C], autoLeave: true };

/** An entry of term 1 at index 2, on these and committed. */
function commitSecond({ a, b, c }: FakeCluster, where: "two" | "all"): void {
  for (const one of where === "all" ? [a, b, c] : [a, b]) one.write([entry(2, 1)]);
  a.shows({ commit: 2, applied: 2 });
}

/** Each breaks one promise. */
const VIOLATIONS: readonly (readonly [check: string, story: string, break_: (cluster: FakeCluster) => void])[] = [
  ["a term has one leader", "another leads in the same term", ({ b }) => b.shows({ role: "leader" })],
  [
    "a term has one leader",
    "another sends heartbeats in the same term",
    ({ b }) => b.sends(C, { kind: "heartbeat", term: 1, commit: 1, round: 1 }),
  ],
  [
    "entries of the same index and term are the same",
    "other data",
    ({ b, c }) => {
      b.write([entry(2, 1, "one")]);
      c.write([entry(2, 1, "two")]);
    },
  ],
  [
    "and follow the same",
    "another entry before",
    ({ b, c }) => {
      b.write([entry(2, 1), entry(3, 3)]);
      c.write([entry(2, 2), entry(3, 3)]);
    },
  ],
  ["a log has no gaps", "an entry is left out", ({ b }) => b.write([entry(3, 1)])],
  ["terms never fall along a log", "a lower term", ({ b }) => b.write([entry(2, 2), entry(3, 1)])],
  [
    "a leader has every entry that was committed before its term",
    "a leader with a shorter log",
    (cluster) => {
      commitSecond(cluster, "two");
      cluster.c.shows({ role: "leader", term: 2 });
    },
  ],
  [
    "all hosts commit the same entry at an index",
    "another entry is committed",
    (cluster) => {
      cluster.c.write([entry(2, 2)]);
      commitSecond(cluster, "two");
      cluster.c.shows({ commit: 2, term: 2 });
    },
  ],
  [
    "a committed entry stays in its place",
    "a later leader writes another one there",
    (cluster) => {
      commitSecond(cluster, "two");
      cluster.c.write([entry(2, 2)]);
    },
  ],
  [
    "a committed entry is never cut off",
    "a log is written anew from before it",
    (cluster) => {
      commitSecond(cluster, "all");
      cluster.b.write([membershipEntry(1, 1, MEMBERS)]);
    },
  ],
  [
    "what is committed is durable on a quorum",
    "only the leader has it",
    ({ a }) => {
      a.write([entry(2, 1)]);
      a.shows({ commit: 2 });
    },
  ],
  [
    "what is committed is durable on a quorum",
    "a follower has not synced it",
    ({ a, b }) => {
      a.write([entry(2, 1)]);
      b.begin([entry(2, 1)]);
      a.shows({ commit: 2 });
    },
  ],
  [
    "what is committed is durable on a quorum",
    "said in a heartbeat",
    ({ a }) => {
      a.write([entry(2, 1)]);
      a.sends(B, { kind: "heartbeat", term: 1, commit: 2, round: 1 });
    },
  ],
  [
    "what is committed is durable on a quorum",
    "only one half of a joint membership has it",
    ({ a, b, c }) => {
      for (const one of [a, b, c]) one.write([membershipEntry(2, 1, JOINT)]);
      a.shows({ commit: 2, membership: JOINT });
      for (const one of [a, b, c]) one.write([entry(3, 1)]);
      a.shows({ commit: 3 });
    },
  ],
  [
    "entries of older terms are never committed by counting",
    "a new leader counts",
    ({ a, b, c }) => {
      for (const one of [a, b, c]) one.write([entry(2, 1)], { term: 2, votedFor: B, commit: 1 });
      b.shows({ role: "leader", term: 2, commit: 2 });
    },
  ],
  ["a term never goes back", "in one life", ({ a }) => a.shows({ term: 0 })],
  ["a term never goes back", "on the disk", ({ a }) => a.write([], { term: 0, commit: 0 })],
  ["a term never goes back", "over a restart", ({ a }) => a.open({ term: 0, commit: 0 })],
  [
    "a term never goes back",
    "behind what the disk held",
    ({ a }) => {
      a.open({ term: 3, commit: 1 }, [membershipEntry(1, 1, MEMBERS)]);
      a.sends(B, { kind: "preVoteReply", term: 2, granted: true, commit: { index: 1, term: 1 } });
    },
  ],
  ["a commit index never goes back", "in one life", ({ a }) => a.shows({ commit: 0, applied: 0 })],
  ["the index that is applied never goes back", "in one life", ({ a }) => a.shows({ applied: 0 })],
  ["only what is committed is applied", "ahead of the commit index", ({ a }) => a.shows({ applied: 2 })],
  [
    "what is applied is durable",
    "before the own disk has it",
    ({ a, b, c }) => {
      for (const one of [b, c]) one.write([entry(2, 1)]);
      a.begin([entry(2, 1)]);
      a.shows({ commit: 2, applied: 2 });
    },
  ],
  ["a match never goes back", "in one term", ({ a }) => a.shows({ peers: [peer(B, 0), peer(C, 1)] })],
  [
    "a leader counts only what is durable",
    "more than the follower has",
    ({ a }) => {
      a.write([entry(2, 1)]);
      a.shows({ peers: [peer(B, 2), peer(C, 1)] });
    },
  ],
  [
    "a leader counts only what is durable",
    "what the follower had before this term, and has no more",
    ({ a, b, c }) => {
      for (const one of [a, b]) one.write([entry(2, 1)]);
      for (const one of [b, c]) one.write([entry(2, 2)], { term: 2, votedFor: C, commit: 1 });
      a.write([], { term: 3, votedFor: A, commit: 1 });
      a.shows({ role: "leader", term: 3, peers: [peer(B, 2), peer(C, 1)] });
    },
  ],
  [
    "a leader counts only what is durable",
    "a follower has begun its log anew",
    ({ checks, a, b }) => {
      for (const one of [a, b]) one.write([entry(2, 1)]);
      checks.logReplaced(b, undefined);
      a.shows({ peers: [peer(B, 2), peer(C, 1)] });
    },
  ],
  ["a node has one vote a term", "another candidate", ({ b }) => b.write([], { term: 1, votedFor: C, commit: 0 })],
  [
    "a node has one vote a term",
    "after a restart that forgot",
    ({ b }) => {
      b.open({ term: 1, commit: 0 }, [membershipEntry(1, 1, MEMBERS)]);
    },
  ],
  [
    "a node has one vote a term",
    "after its log has begun anew",
    ({ checks, b }) => {
      checks.logReplaced(b, undefined);
      b.open({ term: 1, commit: 0 });
    },
  ],
  [
    "a node has one vote a term",
    "given before its log began anew",
    ({ checks, b }) => {
      checks.logReplaced(b, undefined);
      b.open({ term: 1, votedFor: A, commit: 0 });
      b.write([], { term: 1, votedFor: C, commit: 0 });
    },
  ],
  [
    "a request is committed once",
    "an entry like another one",
    ({ a, b }) => {
      for (const one of [a, b]) one.write([entry(2, 1, "a request"), entry(3, 1, "another"), entry(4, 1, "a request")]);
      a.shows({ commit: 4, applied: 4 });
    },
  ],
  [
    "a vote is durable before it leaves",
    "a vote is granted",
    ({ b }) => b.sends(C, { kind: "voteReply", term: 2, granted: true, commit: { index: 1, term: 1 } }),
  ],
  [
    "a vote is durable before it leaves",
    "a candidate asks",
    ({ b }) => b.sends(C, { kind: "vote", term: 2, lastIndex: 1, lastTerm: 1, reason: "timeout" }),
  ],
  [
    "a vote is durable before it leaves",
    "one of a term that is over, after another one",
    ({ b }) => {
      b.write([], { term: 3, commit: 1 });
      b.sends(C, { kind: "voteReply", term: 2, granted: true, commit: { index: 1, term: 1 } });
      b.sends(A, { kind: "voteReply", term: 2, granted: true, commit: { index: 1, term: 1 } });
    },
  ],
  [
    "who has lost a log votes for none that lacks what was committed in it",
    "a vote, after the log has begun anew",
    (cluster) => {
      commitSecond(cluster, "all");
      const { checks, a, b } = cluster;
      checks.logReplaced(b, undefined);
      a.write([], { term: 2, votedFor: A, commit: 1 });
      a.sends(B, { kind: "vote", term: 2, lastIndex: 1, lastTerm: 1, reason: "timeout" });
      b.write([], { term: 2, votedFor: A, commit: 0 });
      b.sends(A, { kind: "voteReply", term: 2, granted: true, commit: { index: 0, term: 0 } });
    },
  ],
  [
    "who has lost a log votes for none that lacks what was committed in it",
    "a pre-vote, after the log was damaged",
    (cluster) => {
      commitSecond(cluster, "all");
      const { checks, b, c } = cluster;
      checks.excuse(b);
      b.open({ term: 1, votedFor: A, commit: 1 }, [], { fromIndex: 1, lastIndex: 2, reason: "injected" });
      c.sends(B, { kind: "preVote", term: 2, lastIndex: 1, lastTerm: 1, reason: "timeout" });
      b.sends(C, { kind: "preVoteReply", term: 2, granted: true, commit: { index: 0, term: 0 } });
    },
  ],
  [
    "what is acknowledged is durable",
    "written and not synced",
    ({ b }) => {
      b.begin([entry(2, 1)]);
      b.sends(A, { kind: "appendAccepted", term: 1, match: 2 });
    },
  ],
  [
    "what is acknowledged is the leader's",
    "an entry of an older term",
    ({ a, b }) => {
      b.write([entry(2, 1)]);
      a.write([entry(2, 3)], { term: 3, votedFor: A, commit: 1 });
      a.shows({ term: 3 });
      b.sends(A, { kind: "appendAccepted", term: 3, match: 2 });
    },
  ],
  [
    "no membership is proposed before an entry of the own term is committed",
    "a new leader changes it at once",
    ({ b }) => {
      b.becomes({ role: "leader", term: 2 });
      b.write([membershipEntry(2, 2, membershipOf([A, B]))]);
    },
  ],
  [
    "one change of the membership at a time",
    "two are under way",
    ({ a }) => {
      a.write([membershipEntry(2, 1, membershipOf([A, B]))]);
      a.write([membershipEntry(3, 1, membershipOf([A, B, D]))]);
    },
  ],
  [
    "joint consensus is left only once it is committed",
    "at once",
    ({ a }) => a.write([membershipEntry(2, 1, JOINT), membershipEntry(3, 1, membershipOf([A, D, E]))]),
  ],
  [
    "memberships that follow each other have overlapping majorities",
    "two voters at once",
    ({ a }) => a.write([membershipEntry(2, 1, membershipOf([A, D, E]))]),
  ],
  [
    "a membership in force is committed",
    "as soon as it is written",
    ({ a }) => {
      const next = membershipOf([A, B]);
      a.write([membershipEntry(2, 1, next)]);
      a.shows({ membership: next });
    },
  ],
  [
    "a snapshot holds only what is committed",
    "more than that",
    ({ checks, a }) => checks.snapshotSaved(a, { index: 2, term: 1, membership: encodeMembership(MEMBERS) }),
  ],
  [
    "a snapshot holds the membership of its moment",
    "none",
    ({ checks, a }) => checks.snapshotSaved(a, { index: 1, term: 1, membership: encodeMembership(NO_MEMBERSHIP) }),
  ],
  [
    "a snapshot never replaces a log that knows more",
    "an older one comes after a newer one",
    (cluster) => {
      commitSecond(cluster, "all");
      const membership = encodeMembership(MEMBERS);
      cluster.checks.logReplaced(cluster.b, { index: 2, term: 1, membership });
      cluster.checks.logReplaced(cluster.b, { index: 1, term: 1, membership });
    },
  ],
];

describe("each broken promise of Raft is found", () => {
  it.each(VIOLATIONS)("%s: %s", (check, _story, break_) => {
    const cluster = fakeCluster();
    expect(() => break_(cluster)).toThrow(check);
  });
});

it("says host, time and both facts", () => {
  const { b } = fakeCluster();
  expect(() => b.shows({ role: "leader" })).toThrow(
    "a term has one leader: host of b at 1.2340 s: it leads as b in term 1; but host of a leads in it as a",
  );
});

it("finds nothing where what a manager acknowledged is counted late, when it has been taken out since", () => {
  const { checks, a, b, c } = fakeCluster();
  const rest = membershipOf([A, C]);
  for (const one of [a, b]) one.write([entry(2, 1)]);
  for (const one of [a, c]) one.write([entry(2, 1), membershipEntry(3, 1, rest)]);
  c.shows({ commit: 3, applied: 3, lastIndex: 3, membership: rest });
  checks.logReplaced(b, undefined);
  a.shows({ peers: [peer(B, 2), peer(C, 1)] });
});

it("finds nothing where a leader counts what a follower had, and a later leader, of whom it knows nothing, has replaced", () => {
  const { a, b, c } = fakeCluster();
  for (const one of [a, b]) one.write([entry(2, 1)]);
  b.sends(A, { kind: "appendAccepted", term: 1, match: 2 });
  for (const one of [b, c]) one.write([entry(2, 2)], { term: 2, votedFor: C, commit: 1 });
  a.shows({ peers: [peer(B, 2), peer(C, 1)] });
});

it("finds nothing where a log is replicated, a leader falls, and another one finishes its work", () => {
  const { a, b, c } = fakeCluster();
  for (const one of [a, b]) one.write([entry(2, 1)]);
  b.sends(A, { kind: "appendAccepted", term: 1, match: 2 });
  a.shows({ commit: 2, applied: 2, peers: [peer(B, 2), peer(C, 1)] });
  // The first one writes something that nobody gets, and crashes.
  a.begin([entry(3, 1, "lost")]);
  a.open({ term: 1, votedFor: A, commit: 1 }, [membershipEntry(1, 1, MEMBERS), entry(2, 1)]);
  for (const one of [b, c]) one.write([], { term: 2, votedFor: B, commit: 1 });
  b.sends(C, { kind: "vote", term: 2, lastIndex: 2, lastTerm: 1, reason: "timeout" });
  c.sends(B, { kind: "voteReply", term: 2, granted: true, commit: { index: 1, term: 1 } });
  for (const one of [b, c]) one.write(one === b ? [entry(3, 2, "")] : [entry(2, 1), entry(3, 2, "")]);
  b.shows({ role: "leader", term: 2, commit: 3, applied: 3, peers: [peer(A, 0), peer(C, 3)] });
  c.shows({ term: 2, commit: 3, applied: 3 });
});

it("does not take for committed what a snapshot is about to replace", () => {
  const cluster = fakeCluster();
  const { checks, a, b, c } = cluster;
  c.write([entry(2, 1, "lost"), entry(3, 1, "lost")]);
  for (const one of [a, b]) one.write([entry(2, 2)], { term: 2, votedFor: B, commit: 1 });
  b.shows({ role: "leader", term: 2, commit: 2, applied: 2, peers: [peer(A, 2), peer(C, 1)] });
  c.shows({ term: 2, commit: 2, lastIndex: 2, lastTerm: 2 });
  checks.logReplaced(c, { index: 2, term: 2, membership: encodeMembership(MEMBERS) });
  c.shows({ applied: 2 });
});

it("compares a new membership with the snapshot's, where that has taken the place of the one before", () => {
  /** A manager that has got {A} in a snapshot leads, and writes another membership. */
  const changeAfterSnapshot = (next: Membership): void => {
    const { checks, a, b, c } = fakeCluster();
    const [second, third] = [membershipOf([A, C]), membershipOf([A])];
    for (const one of [a, c]) one.write([membershipEntry(2, 1, second)]);
    a.shows({ commit: 2, applied: 2, membership: second });
    for (const one of [a, c]) one.write([membershipEntry(3, 1, third)]);
    a.shows({ commit: 3, applied: 3, membership: third });
    checks.logReplaced(b, { index: 3, term: 1, membership: encodeMembership(third) });
    for (const one of [a, b]) one.write([entry(4, 2)], { term: 2, votedFor: B, commit: 3 });
    b.shows({ role: "leader", term: 2, commit: 4, applied: 4, membership: third });
    b.write([membershipEntry(5, 2, next)]);
  };
  changeAfterSnapshot(membershipOf([A, D]));
  expect(() => changeAfterSnapshot(membershipOf([A, B, C]))).toThrow("overlapping majorities");
});

it("lets a vote go that a later term has passed over on the disk", () => {
  const { b } = fakeCluster();
  b.write([], { term: 3, commit: 1 });
  b.sends(C, { kind: "voteReply", term: 2, granted: true, commit: { index: 1, term: 1 } });
});

it("lets a node that has lost its log vote for one that has what was committed in it", () => {
  const cluster = fakeCluster();
  commitSecond(cluster, "two");
  const { checks, a, b } = cluster;
  b.write([entry(3, 1)]);
  checks.logReplaced(b, undefined);
  a.sends(B, { kind: "preVote", term: 2, lastIndex: 2, lastTerm: 1, reason: "timeout" });
  b.sends(A, { kind: "preVoteReply", term: 2, granted: true, commit: { index: 0, term: 0 } });
});

it("excuses a host whose disk was damaged on purpose", () => {
  const { checks, a, b, c } = fakeCluster();
  for (const one of [a, b]) one.write([entry(2, 1)]);
  b.sends(A, { kind: "appendAccepted", term: 1, match: 2 });
  checks.excuse(b);
  b.open({ term: 1, votedFor: A, commit: 1 }, [membershipEntry(1, 1, MEMBERS)]);
  a.shows({ commit: 2, applied: 2, peers: [peer(B, 2), peer(C, 1)] });
  a.shows({ peers: [peer(B, 0), peer(C, 1)] });
  expect(() => a.shows({ peers: [peer(B, 0), peer(C, 0)] })).toThrow("a match never goes back");
  c.shows({});
});
