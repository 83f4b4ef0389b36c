import { nodeId, SeededRandom } from "@murmur/base";
import { membershipOf, type Message } from "@murmur/raft";
import { describe, expect, it } from "vitest";
import type { ElectionConditions } from "./conditions.ts";
import { Survivor } from "./survivor.ts";

const DISK_MS = 5;
const [a, b, lost] = [nodeId("a"), nodeId("b"), nodeId("lost")];

function survivor(id: typeof a, lastIndex: number, writesPerVote: 1 | 2): Survivor {
  const conditions: ElectionConditions = {
    hardware: { networkMs: { min: 1, mean: 1 }, diskMs: { min: DISK_MS, mean: DISK_MS }, writesPerVote },
    config: { electionTicks: 10, electionTicksMax: 11, heartbeatTicks: 5, preVote: false, checkQuorum: false },
    tickMs: 1,
    heartbeatMs: 5,
    loss: "cut",
  };
  return new Survivor({
    id,
    membership: membershipOf([a, b, lost]),
    lastIndex,
    conditions,
    random: new SeededRandom(1),
  });
}

/** Lets a survivor go on by itself until a message leaves; the message, and when. */
function untilSent(one: Survivor, untilMs: number): { readonly message: Message | undefined; readonly atMs: number } {
  for (;;) {
    const atMs = one.nextAtMs;
    if (atMs > untilMs) return { message: undefined, atMs };
    one.advance();
    const [message] = one.takeSent();
    if (message !== undefined) return { message, atMs };
  }
}

describe("a survivor", () => {
  it("asks for votes one write after its timeout", () => {
    const { message, atMs } = untilSent(survivor(a, 2, 1), 100);
    expect(message).toMatchObject({ kind: "vote", term: 2, lastIndex: 2 });
    // The tenth tick, less what of the first one had passed at the start.
    expect(atMs).toBeGreaterThan(9 + DISK_MS);
    expect(atMs).toBeLessThanOrEqual(10 + DISK_MS);
  });

  it.each([1, 2] as const)("answers with its vote after %i writes", (writesPerVote) => {
    const voter = survivor(b, 1, writesPerVote);
    const vote = { kind: "vote", from: a, to: b, term: 2, lastIndex: 2, lastTerm: 1, reason: "timeout" } as const;
    voter.receive(vote, 0.1);
    const { message, atMs } = untilSent(voter, 100);
    expect(message).toMatchObject({ kind: "voteReply", granted: true });
    expect(atMs).toBeCloseTo(0.1 + writesPerVote * DISK_MS);
  });

  it("refuses a candidate with a shorter log after one write, of the term", () => {
    const voter = survivor(b, 3, 2);
    voter.receive({ kind: "vote", from: a, to: b, term: 2, lastIndex: 2, lastTerm: 1, reason: "timeout" }, 0.1);
    const { message, atMs } = untilSent(voter, 100);
    expect(message).toMatchObject({ kind: "voteReply", granted: false });
    expect(atMs).toBeCloseTo(0.1 + DISK_MS);
  });
});
