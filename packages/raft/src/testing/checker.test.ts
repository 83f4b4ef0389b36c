import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { encodeMembership, membershipOf, type Entry, type Message, type Status } from "../index.ts";
import { Checker } from "./checker.ts";

const [A, B, C] = [nodeId("a"), nodeId("b"), nodeId("c")];
const MEMBERSHIP = membershipOf([A, B, C]);
const status = (changes: Partial<Status>): Status => ({
  id: A,
  role: "follower",
  term: 1,
  vote: undefined,
  leader: undefined,
  commit: 0,
  applied: 0,
  stable: 0,
  firstIndex: 1,
  lastIndex: 0,
  lastTerm: 0,
  uncommittedBytes: 0,
  membership: MEMBERSHIP,
  pendingMembership: undefined,
  transferringTo: undefined,
  pendingReads: 0,
  recovering: false,
  peers: [],
  ...changes,
});
const entry = (index: number, term: number, byte = 0): Entry => ({
  index,
  term,
  kind: "normal",
  data: new Uint8Array([byte]),
});

/** A checker that has seen all three nodes start, and `see`, which shows it a step of one with this log. */
function setup() {
  const checker = new Checker();
  for (const id of [A, B, C]) checker.restarted(status({ id }));
  const see = (changes: Partial<Status>, entries: readonly Entry[] = [], holders: readonly string[] = [A, B, C]) =>
    checker.observe({
      status: status(changes),
      log: new Map(entries.map((one) => [one.index, one])),
      boundary: { index: 0, term: 0 },
      hadDurably: (id) => holders.includes(id),
    });
  return { checker, see };
}
const peer = (match: number): Status["peers"] => [
  {
    id: B,
    learner: false,
    sending: "replicate",
    match,
    next: match + 1,
    active: true,
    inflightMessages: 0,
    inflightBytes: 0,
  },
];

describe("the checker of Raft's promises accepts what is right, and notices", () => {
  it("a term, and a commit index, that fall", () => {
    const { see } = setup();
    see({ term: 2 });
    expect(() => see({ term: 1 })).toThrow("terms never fall");
    see({ role: "leader", term: 3 });
    see({ role: "leader", term: 3, commit: 1 }, [entry(1, 3)]);
    expect(() => see({ role: "leader", term: 3, commit: 0 }, [entry(1, 3)])).toThrow("commit index never falls");
  });

  it("two leaders in a term", () => {
    const { see } = setup();
    see({ role: "leader", term: 2 });
    see({ id: B, role: "leader", term: 3 });
    expect(() => see({ id: C, role: "leader", term: 2 })).toThrow("two leaders in term 2");
  });

  it("a leader that lacks what is committed", () => {
    const { see } = setup();
    see({ role: "leader", commit: 1 }, [entry(1, 1)]);
    see({ id: B, role: "leader", term: 2 }, [entry(1, 1)]);
    expect(() => see({ id: C, role: "leader", term: 3 })).toThrow("lacks committed 1/1");
  });

  it("two things committed, or applied, in one place, and what is applied before it is durable", () => {
    const { see, checker } = setup();
    see({ role: "leader", commit: 1 }, [entry(1, 1)]);
    expect(() => see({ id: B, term: 2, commit: 1 }, [entry(1, 2)])).toThrow("two terms committed at 1");
    checker.applied(entry(1, 1), true);
    expect(() => checker.applied(entry(1, 1, 7), true)).toThrow("two things applied at 1");
    expect(() => checker.applied(entry(2, 1), false)).toThrow("before it is durable");
  });

  it("logs that differ at or before the same position", () => {
    const { checker } = setup();
    checker.appended(entry(2, 2), 1);
    checker.appended(entry(2, 2), 1);
    expect(() => checker.appended(entry(2, 2, 7), 1)).toThrow("logs differ at 2/2");
    expect(() => checker.appended(entry(2, 2), 2)).toThrow("logs differ at 2/2");
  });

  it("an entry of an older term that is committed by counting", () => {
    const { see } = setup();
    see({ role: "leader", term: 2 }, [entry(1, 1)]);
    expect(() => see({ role: "leader", term: 2, commit: 1 }, [entry(1, 1)])).toThrow("by counting");
    see({ role: "leader", term: 2, commit: 2 }, [entry(1, 1), entry(2, 2)]);
  });

  it("a commit that no quorum holds, or that is not the leader's", () => {
    const { see } = setup();
    expect(() => see({ commit: 1 }, [entry(1, 1)])).toThrow("does not lead");
    see({ role: "leader" });
    expect(() => see({ role: "leader", commit: 1 }, [entry(1, 1)], [A])).toThrow("no quorum has 1/1");
    see({ role: "leader", commit: 1 }, [entry(1, 1)], [A, C]);
  });

  it("a commit that only a membership could allow which is not in force yet", () => {
    const { see } = setup();
    const change: Entry = { index: 1, term: 1, kind: "membership", data: encodeMembership(membershipOf([A])) };
    see({ role: "leader" });
    expect(() => see({ role: "leader", commit: 1 }, [change], [A])).toThrow("no quorum has 1/1");
    see({ role: "leader", commit: 1 }, [change], [A, B]);
  });

  it("a match that falls, unless that node's disk has lost something", () => {
    const { see, checker } = setup();
    see({ role: "leader", peers: peer(5) });
    see({ role: "leader", peers: peer(6) });
    expect(() => see({ role: "leader", peers: peer(5) })).toThrow("the match of b fell from 6 to 5");
    checker.damaged(B);
    see({ role: "leader", peers: peer(0) });
  });

  it("votes and acknowledgements that are not durable, and two votes in a term", () => {
    const { checker } = setup();
    const vote = (to: typeof A, term: number): Message => ({
      kind: "voteReply",
      from: C,
      to,
      term,
      granted: true,
      commit: { index: 0, term: 0 },
    });
    const durable = { term: 2, vote: A, lastIndex: 3 };
    checker.sent(vote(A, 2), durable);
    expect(() => checker.sent(vote(A, 3), durable)).toThrow("its term is durable");
    expect(() => checker.sent(vote(B, 2), durable)).toThrow("a vote leaves only when it is durable");
    expect(() => checker.sent(vote(B, 2), { ...durable, vote: B })).toThrow("two votes by c/2");
    const request: Message = { kind: "vote", from: B, to: A, term: 2, lastIndex: 0, lastTerm: 0, reason: "timeout" };
    expect(() => checker.sent(request, durable)).toThrow("a vote leaves only when it is durable");
    const accepted: Message = { kind: "appendAccepted", from: C, to: A, term: 2, match: 4 };
    expect(() => checker.sent(accepted, durable)).toThrow("what is acknowledged is durable");
  });

  it("a read that misses what was committed when it was asked for", () => {
    const { checker } = setup();
    checker.read(4, 4);
    expect(() => checker.read(3, 4)).toThrow("a read at 3 misses");
  });
});
