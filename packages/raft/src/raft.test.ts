import { nodeId, SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import {
  encodeMembership,
  membershipOf,
  newHardState,
  Raft,
  type Entry,
  type RaftOptions,
  type Ready,
} from "./index.ts";

const [A, B, C] = [nodeId("a"), nodeId("b"), nodeId("c")];
const entry = (index: number, term: number): Entry => ({ index, term, kind: "normal", data: new Uint8Array(8) });

const raftOf = (options: Partial<RaftOptions> = {}): Raft =>
  new Raft({
    id: A,
    membership: membershipOf([A]),
    hardState: newHardState(),
    snapshot: { index: 0, term: 0 },
    entries: [],
    appliedIndex: 0,
    random: new SeededRandom(1),
    ...options,
  });

/** Takes all Readys; storage is as fast as can be. */
function drain(raft: Raft): Ready[] {
  const readys: Ready[] = [];
  for (let ready = raft.ready(); ready !== undefined; ready = raft.ready()) {
    readys.push(ready);
    raft.persisted(ready.number);
  }
  return readys;
}

describe("a restarted node", () => {
  it("gives out again what was committed and not applied, and knows the membership that is in force", () => {
    const membership: Entry = { index: 3, term: 1, kind: "membership", data: encodeMembership(membershipOf([A, B])) };
    const raft = raftOf({
      hardState: { term: 1, vote: A, commit: 3 },
      entries: [entry(1, 1), entry(2, 1), membership, entry(4, 1)],
      appliedIndex: 1,
    });
    expect(raft.status()).toMatchObject({ term: 1, vote: A, commit: 3, applied: 1, membership: membershipOf([A, B]) });
    expect(drain(raft).flatMap(({ committed }) => committed.map(({ index }) => index))).toEqual([2, 3]);
  });

  it("does not take an uncommitted membership for the one in force", () => {
    const membership: Entry = { index: 2, term: 1, kind: "membership", data: encodeMembership(membershipOf([A, B])) };
    const raft = raftOf({
      hardState: { term: 1, vote: A, commit: 1 },
      entries: [entry(1, 1), membership],
      appliedIndex: 1,
    });
    expect(raft.status().membership).toEqual(membershipOf([A]));
  });

  it("has nothing to do", () => {
    const raft = raftOf({ hardState: { term: 1, vote: A, commit: 1 }, entries: [entry(1, 1)], appliedIndex: 1 });
    expect(raft.ready()).toBeUndefined();
  });

  it("stops when its commit index is not in the log, unless it is told that entries were lost", () => {
    const options: Partial<RaftOptions> = { hardState: { term: 1, vote: A, commit: 5 }, entries: [entry(1, 1)] };
    expect(() => raftOf(options)).toThrow("entries were lost");
    const raft = raftOf({ ...options, recovering: { untilIndex: 5 } });
    expect(raft.status()).toMatchObject({ recovering: true, commit: 1 });
    raft.campaign();
    expect(raft.status().role).toBe("follower");
  });
});

describe("a damaged node", () => {
  const voteOf = (last: { lastIndex: number; lastTerm: number }): boolean | undefined => {
    const raft = raftOf({
      membership: membershipOf([A, B, C]),
      hardState: { term: 4, vote: undefined, commit: 1 },
      entries: [entry(1, 1)],
      appliedIndex: 1,
      recovering: { untilIndex: 6, untilTerm: 3 },
    });
    raft.step({ kind: "vote", from: B, to: A, term: 5, reason: "timeout", ...last });
    const replies = drain(raft).flatMap(({ messagesAfterSync }) => messagesAfterSync);
    return replies.find((message) => message.kind === "voteReply")?.granted;
  };

  it("votes only for a log that has all that it may have acknowledged", () => {
    expect(voteOf({ lastIndex: 5, lastTerm: 3 })).toBe(false);
    expect(voteOf({ lastIndex: 9, lastTerm: 2 })).toBe(false);
    expect(voteOf({ lastIndex: 6, lastTerm: 3 })).toBe(true);
    expect(voteOf({ lastIndex: 2, lastTerm: 4 })).toBe(true);
  });

  it("is whole again once a leader's entries reach that far, durably", () => {
    const raft = raftOf({
      membership: membershipOf([A, B, C]),
      hardState: { term: 4, vote: undefined, commit: 1 },
      entries: [entry(1, 1)],
      appliedIndex: 1,
      recovering: { untilIndex: Infinity },
    });
    const append = { kind: "append", from: B, to: A, term: 5, prevIndex: 1, prevTerm: 1, commit: 1 } as const;
    raft.step({ ...append, entries: [entry(2, 4)] });
    drain(raft);
    expect(raft.status().recovering).toBe(true);
    raft.step({ ...append, prevIndex: 2, prevTerm: 4, entries: [entry(3, 5)] });
    const ready = raft.ready();
    expect(raft.status().recovering).toBe(true);
    raft.persisted(ready?.number ?? 0);
    expect(raft.status().recovering).toBe(false);
  });
});

describe("Readys", () => {
  it("give out committed entries only as fast as they are applied", () => {
    const raft = raftOf({ config: { maxApplyingBytes: 100 } });
    raft.campaign();
    drain(raft);
    raft.propose([1, 2, 3, 4].map(() => new Uint8Array(8)));
    expect(drain(raft).flatMap(({ committed }) => committed)).toHaveLength(1);
    raft.applied(1);
    raft.applied(2);
    expect(drain(raft).flatMap(({ committed }) => committed)).toHaveLength(2);
  });

  it("need no sync for the commit index alone", () => {
    const raft = raftOf();
    raft.campaign();
    const readys = drain(raft);
    expect(readys.map(({ mustSync }) => mustSync)).toEqual([true, true, false]);
    expect(readys.at(-1)?.hardState).toMatchObject({ commit: 1 });
  });

  it("do not hold a candidate's own vote before it is durable", () => {
    const raft = raftOf();
    raft.campaign();
    const ready = raft.ready();
    expect(raft.status().role).toBe("candidate");
    raft.persisted(ready?.number ?? 0);
    expect(raft.status().role).toBe("leader");
  });

  it("of older writes do not make a newer vote durable", () => {
    const raft = raftOf();
    raft.step({ kind: "heartbeat", from: B, to: A, term: 3, commit: 0, round: 1 });
    const older = raft.ready();
    raft.campaign();
    const newer = raft.ready();
    raft.persisted(older?.number ?? 0);
    expect(raft.status()).toMatchObject({ role: "candidate", term: 4 });
    raft.persisted(newer?.number ?? 0);
    expect(raft.status().role).toBe("leader");
  });

  it("make nothing durable that a snapshot has replaced, until the snapshot is", () => {
    const raft = raftOf({
      membership: membershipOf([A, B, C]),
      hardState: { term: 1, vote: undefined, commit: 1 },
      entries: [entry(1, 1), entry(2, 1), entry(3, 1)],
      appliedIndex: 1,
    });
    const snapshot = { index: 20, term: 2, membership: membershipOf([B, C]) };
    raft.step({ kind: "snapshot", from: B, to: A, term: 2, snapshot });
    expect(raft.status()).toMatchObject({ stable: 0, commit: 20, membership: membershipOf([B, C]) });
    const ready = raft.ready();
    expect(ready).toMatchObject({ snapshot, mustSync: true, committed: [] });
    raft.applied(20);
    raft.persisted(ready?.number ?? 0);
    expect(raft.status()).toMatchObject({ stable: 20, applied: 20 });
  });

  it("come with the number of a Ready that was taken, or persisted throws", () => {
    expect(() => raftOf().persisted(1)).toThrow("handed out");
  });
});

describe("a message", () => {
  it("for another node, or from itself, is ignored", () => {
    const raft = raftOf();
    raft.step({ kind: "heartbeat", from: B, to: C, term: 9, commit: 0, round: 1 });
    raft.step({ kind: "heartbeat", from: A, to: A, term: 9, commit: 0, round: 1 });
    expect(raft.status().term).toBe(0);
  });

  it("from a second leader of one term stops the process", () => {
    const raft = raftOf();
    raft.campaign();
    drain(raft);
    expect(() => raft.step({ kind: "heartbeat", from: B, to: A, term: 1, commit: 0, round: 1 })).toThrow("one leader");
  });
});

describe("limits that were made narrower", () => {
  it("do not keep an entry from a follower that is larger than they are now", () => {
    const large: Entry = { index: 1, term: 1, kind: "normal", data: new Uint8Array(500) };
    const raft = raftOf({
      membership: membershipOf([A, B]),
      hardState: { term: 1, vote: A, commit: 0 },
      entries: [large, entry(2, 1)],
      config: { maxEntryBytes: 100, maxAppendBytes: 100, maxInflightBytes: 100 },
    });
    raft.campaign();
    drain(raft);
    raft.step({ kind: "preVoteReply", from: B, to: A, term: 2, granted: true, commit: { index: 0, term: 0 } });
    drain(raft);
    raft.step({ kind: "voteReply", from: B, to: A, term: 2, granted: true, commit: { index: 0, term: 0 } });
    drain(raft);
    const rejected = { kind: "appendRejected", from: B, to: A, term: 2, rejected: 2 } as const;
    raft.step({ ...rejected, hintIndex: 0, hintTerm: 0, lost: false });
    const sent = (): number[] =>
      drain(raft).flatMap(({ messages }) =>
        messages.flatMap((one) => (one.kind === "append" ? one.entries.map(({ index }) => index) : [])),
      );
    expect(sent()).toEqual([1]);
    raft.step({ kind: "appendAccepted", from: B, to: A, term: 2, match: 1 });
    expect(sent()).toEqual([2, 3]);
  });
});

describe("proposals that are together larger than anything that may wait", () => {
  const raft = raftOf({ config: { maxUncommittedEntries: 3, maxUncommittedBytes: 100, maxEntryBytes: 100 } });
  raft.campaign();
  drain(raft);

  it.each([
    ["in number", [1, 1, 1, 1]],
    ["in bytes", [30, 30]],
  ])("are too large %s, for waiting would not help", (_how, sizes) => {
    expect(raft.propose(sizes.map((size) => new Uint8Array(size)))).toMatchObject({ reason: "too_large" });
  });
});
