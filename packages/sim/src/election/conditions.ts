import type { Random } from "@murmur/base";
import type { RaftConfig } from "@murmur/raft";

/** A delay in milliseconds: at least `min`, and more than that exponentially, so that it is `mean` on average. */
export interface Delay {
  readonly min: number;
  readonly mean: number;
}

export const drawn = ({ min, mean }: Delay, random: Random): number => min - Math.log(1 - random.next()) * (mean - min);

/** What the servers of one experiment run on. */
export interface Hardware {
  /** One message's way from process to process. */
  readonly networkMs: Delay;
  /** One durable write of a term or a vote. */
  readonly diskMs: Delay;
  /** Durable writes before a vote in a new term is answered. */
  readonly writesPerVote: 1 | 2;
}

/**
 * The hardware of the Raft thesis's benchmark (Ongaro, "Consensus: Bridging Theory and Practice", 2014, section 9.4).
 *
 * It says: five servers, each with an SSD, on gigabit Ethernet; "a broadcast time (network round trip plus disk write)
 * of roughly 15 ms". It doesn't say how these are made up and how they vary.
 *
 * The measured program says more (LogCabin as of 2013, Server/RaftConsensus.cc): a candidate has written the new term
 * and its own vote before it asks; a voter writes the term when it learns of it, and then once more with its vote.
 *
 * Assumed: both delays are exponential above a minimum. The four numbers were fitted to the published percentiles of
 * `THESIS_TABLE`, under the condition that `broadcastMs` is roughly 15 ms; it is 14.2 ms on average.
 */
export const THESIS_HARDWARE: Hardware = {
  networkMs: { min: 0.1, mean: 0.4 },
  diskMs: { min: 1.2, mean: 3.35 },
  writesPerVote: 2,
};

/** One broadcast by a candidate: its own write, then round trips to `others` servers and their writes, all answers in. */
export function broadcastMs({ networkMs, diskMs, writesPerVote }: Hardware, others: number, random: Random): number {
  const answers = Array.from({ length: others }, () => {
    let answerMs = drawn(networkMs, random) + drawn(networkMs, random);
    for (let write = 0; write < writesPerVote; write += 1) answerMs += drawn(diskMs, random);
    return answerMs;
  });
  return drawn(diskMs, random) + Math.max(...answers);
}

/** How the leader is lost: a process that ends breaks its connections, which its peers notice; a cut host just falls silent. */
export type Loss = "crash" | "cut";

/** What the downtime of a cluster of five after the loss of its leader depends on. */
export interface ElectionConditions {
  readonly hardware: Hardware;
  readonly config: Partial<RaftConfig>;
  readonly tickMs: number;
  /** The leader is lost at an even random moment within this time after a broadcast of heartbeats. */
  readonly heartbeatMs: number;
  readonly loss: Loss;
}
