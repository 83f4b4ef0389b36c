import type { Mutation } from "./mutation.ts";
import { FREQUENT_VOTER_CHANGES } from "./settings.ts";

const RAFT = "packages/raft/src";

/** Elections, the log, commits, reads, memberships and snapshots. */
export const RAFT_MUTATIONS: readonly Mutation[] = [
  {
    name: "two-votes-in-a-term",
    defect: "a voter that knows no leader forgets that it has voted in this term",
    changes: [
      {
        file: `${RAFT}/election.ts`,
        original: "core.vote === candidate || (core.vote === undefined && core.leader === undefined);",
        mutant: "core.vote === candidate || core.leader === undefined;",
      },
    ],
    profile: "churn",
    nodes: 3,
  },
  {
    name: "vote-for-a-shorter-log",
    defect: "a voter compares only the terms of the last entries, not how far the logs reach",
    changes: [
      {
        file: `${RAFT}/types.ts`,
        original: "last.term > other.term || (last.term === other.term && last.index >= other.index);",
        mutant: "last.term >= other.term;",
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "own-vote-counted-before-sync",
    defect: "a candidate asks for votes before its own vote and its new term are durable",
    changes: [
      {
        file: `${RAFT}/election.ts`,
        original: 'core.sendAfterSync({ kind: "vote",',
        mutant: 'core.send({ kind: "vote",',
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "older-term-committed-by-counting",
    defect: "a new leader commits entries of older terms as soon as a quorum has them (Raft, figure 8)",
    changes: [
      {
        file: `${RAFT}/commit.ts`,
        original: "index <= log.commit || log.termAt(index) !== core.term) return;",
        mutant: "index <= log.commit) return;",
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "commit-index-goes-back",
    defect: "a follower takes over a commit index that is older than its own",
    changes: [
      {
        file: `${RAFT}/log.ts`,
        original: "    if (index <= this.#commit) return;\n    assert(index <= this.lastIndex,",
        mutant: "    assert(index <= this.lastIndex,",
      },
    ],
    profile: "network",
    nodes: 3,
  },
  {
    name: "match-index-goes-back",
    defect: "a leader takes over what an old answer says of a follower's log",
    changes: [
      {
        file: `${RAFT}/progress.ts`,
        original: "  progress.match = Math.max(progress.match, match);",
        mutant: "  progress.match = match;",
      },
    ],
    profile: "network",
    nodes: 3,
  },
  {
    name: "committed-entry-truncated",
    defect: "a follower cuts its log at whatever an append begins with, also when a late one ends before its log does",
    changes: [
      {
        file: `${RAFT}/log.ts`,
        original: "    const first = entries.findIndex((entry) => !this.has(entry));",
        mutant: "    const first = entries.length === 0 ? -1 : 0;",
      },
      {
        file: `${RAFT}/log.ts`,
        original: '    assert(last >= this.#commit, "a committed entry is never cut off");\n',
        mutant: "",
      },
      {
        file: `${RAFT}/following.ts`,
        original:
          "  if (message.prevIndex < log.commit) {\n    accept(core, message.from, log.commit);\n    return;\n  }\n",
        mutant: "",
      },
    ],
    profile: "network",
    nodes: 3,
  },
  {
    name: "previous-entry-not-compared",
    defect: "a follower appends after an entry of its own without comparing that entry's term",
    changes: [
      {
        file: `${RAFT}/following.ts`,
        original: "  if (!log.has({ index: message.prevIndex, term: message.prevTerm })) {",
        mutant: "  if (log.termAt(message.prevIndex) === undefined) {",
      },
    ],
    profile: "churn",
    nodes: 3,
  },
  {
    name: "acknowledged-before-sync",
    defect: "a follower says that it has entries before they are durable",
    changes: [
      {
        file: `${RAFT}/following.ts`,
        original: 'core.sendAfterSync({ kind: "appendAccepted",',
        mutant: 'core.send({ kind: "appendAccepted",',
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "late-write-counts-for-a-newer-entry",
    defect: "the report of a write counts for entries that have taken the place of the written ones since",
    changes: [
      {
        file: `${RAFT}/pending-writes.ts`,
        original: "    for (const write of this.#writes) write.last = Math.min(write.last, last);\n",
        mutant: "",
      },
    ],
    profile: "churn",
    nodes: 3,
  },
  {
    name: "read-not-confirmed",
    defect: "a leader answers reads without asking a quorum whether it still leads: stale after a pause",
    changes: [
      {
        file: `${RAFT}/reads.ts`,
        original: "  const round = leased ? 0 : leader.round + 1;",
        mutant: "  const round = 0;",
      },
    ],
    profile: "pauses",
    nodes: 3,
  },
  {
    name: "read-confirmed-by-older-round",
    defect: "a read is confirmed by answers to heartbeats that were sent before it came in",
    changes: [
      {
        file: `${RAFT}/reads.ts`,
        original: "  const round = leased ? 0 : leader.round + 1;",
        mutant: "  const round = leased ? 0 : leader.round;",
      },
    ],
    profile: "pauses",
    nodes: 3,
  },
  {
    name: "read-before-own-commit",
    defect: "a new leader serves reads before it has committed an entry of its own, from an old commit index",
    changes: [{ file: `${RAFT}/reads.ts`, original: "  if (!hasOwnCommit(core)) return;\n", mutant: "" }],
    profile: "churn",
    nodes: 3,
  },
  {
    name: "lease-read-with-a-stopped-clock",
    defect: "reads go by a lease that counts the leader's own ticks, although its clock may stand still or run slower",
    changes: [
      { file: `${RAFT}/config.ts`, original: "  leaseReads: false,", mutant: "  leaseReads: true," },
      {
        file: "packages/manager/src/raft-driver.ts",
        original: "    if (clock.monotonic() - this.#tickedAt > TICK_LATE_MS) raft.paused();\n",
        mutant: "",
      },
    ],
    profile: "pauses",
    nodes: 3,
  },
  {
    name: "membership-change-before-own-commit",
    defect: "a new leader changes the membership before an entry of its own term is committed (Ongaro, 2015)",
    changes: [
      {
        file: `${RAFT}/proposing.ts`,
        original:
          '  if (!hasOwnCommit(core)) return refused("not_ready", "the leader is new and has committed nothing yet");\n',
        mutant: "",
      },
      {
        file: "packages/manager/src/leadership.ts",
        original: "  await driver.barrier(scope.signal);\n",
        mutant: "  await Promise.resolve();\n",
      },
    ],
    setting: FREQUENT_VOTER_CHANGES,
    profile: "churn",
    nodes: 5,
  },
  {
    name: "two-membership-changes-at-once",
    defect: "a leader begins a change of the membership while the one before isn't committed",
    changes: [
      {
        file: `${RAFT}/proposing.ts`,
        original:
          '  if (state.membershipIndex > core.log.commit) return refused("pending", "another change is under way");\n',
        mutant: "",
      },
      {
        file: "packages/manager/src/voter-keeper.ts",
        original: "      changing: pendingMembership !== undefined || membership.votersOutgoing.length > 0,",
        mutant: "      changing: false,",
      },
    ],
    setting: FREQUENT_VOTER_CHANGES,
    profile: "churn",
    nodes: 5,
  },
  {
    name: "joint-consensus-left-early",
    defect: "a leader proposes the end of a joint phase together with its beginning, not once that is committed",
    changes: [
      {
        file: `${RAFT}/proposing.ts`,
        original: "  state.membershipIndex = index;\n",
        mutant:
          '  const left = isJoint(result.membership) ? changeOf(result.membership, { kind: "leaveJoint" }) : result;\n' +
          '  if (left !== result && left.kind === "changed")\n' +
          '    core.log.append([entryOf(core, index + 1, { kind: "membership", data: encodeMembership(left.membership) })]);\n' +
          "  state.membershipIndex = core.log.lastIndex;\n",
      },
    ],
    setting: FREQUENT_VOTER_CHANGES,
    profile: "churn",
    nodes: 5,
  },
  {
    name: "joint-consensus-skipped",
    defect: "any change of the voters is made in one step: majorities of the old and the new ones may not meet",
    changes: [
      {
        file: `${RAFT}/membership-change.ts`,
        original: "      const simple = votersChanged(current, next) <= 1;",
        mutant: "      const simple = true;",
      },
    ],
    profile: "process",
    nodes: 5,
  },
  {
    name: "old-voters-not-asked",
    defect: "in a joint phase only the new voters are counted",
    changes: [
      {
        file: `${RAFT}/quorum.ts`,
        original:
          "  return Math.min(majorityValue(membership.voters, valueOf), majorityValue(membership.votersOutgoing, valueOf));",
        mutant: "  return majorityValue(membership.voters, valueOf);",
      },
    ],
    setting: FREQUENT_VOTER_CHANGES,
    profile: "churn",
    nodes: 5,
  },
  {
    name: "learner-counted-in-the-quorum",
    defect: "a leader counts learners as if they voted",
    changes: [
      {
        file: `${RAFT}/quorum.ts`,
        original:
          "  return Math.min(majorityValue(membership.voters, valueOf), majorityValue(membership.votersOutgoing, valueOf));",
        mutant:
          "  const holders = [...membership.voters, ...membership.learners].map(valueOf).toSorted((left, right) => right - left);\n" +
          "  return holders[majority(membership.voters.length) - 1] ?? 0;",
      },
    ],
    setting: FREQUENT_VOTER_CHANGES,
    profile: "churn",
    nodes: 5,
  },
  {
    name: "snapshot-without-the-membership",
    defect: "a snapshot says who took part when the process started, not who takes part at its position",
    changes: [
      {
        file: "packages/manager/src/raft-driver.ts",
        original:
          '      if (entry.kind === "membership") this.#applied = { ...this.#applied, membership: decodeMembership(entry.data) };\n',
        mutant: "",
      },
    ],
    frequentSnapshots: true,
    profile: "process",
    nodes: 5,
  },
];
