import { THESIS_HARDWARE, type ElectionConditions } from "./conditions.ts";
import type { Downtimes } from "./downtimes.ts";

/** Election timeouts in milliseconds, drawn evenly from here to there. */
export interface Timeouts {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface PublishedRow extends Timeouts, Downtimes {}

/** How many elections are behind each published row. */
export const THESIS_TRIALS = 1_000;

/** Downtimes measured for the Raft thesis, section 9.4, as the curves of its two graphs show them. */
export const THESIS_TABLE: readonly PublishedRow[] = [
  { minMs: 12, maxMs: 24, p50: 31, p90: 53, p99: 87, max: 152, mean: 35 },
  { minMs: 25, maxMs: 50, p50: 44, p90: 74, p99: 119, max: 277, mean: 49 },
  { minMs: 50, maxMs: 100, p50: 67, p90: 96, p99: 169, max: 254, mean: 72 },
  { minMs: 100, maxMs: 200, p50: 121, p90: 166, p99: 273, max: 336, mean: 126 },
  { minMs: 150, maxMs: 300, p50: 172, p90: 245, p99: 406, max: 604, mean: 181 },
  { minMs: 150, maxMs: 155, p50: 287, p90: 614, p99: 1_238, max: 2_165, mean: 350 },
];

/** Two more of its rows, which had no say when the numbers in `THESIS_HARDWARE` were chosen: a test of the model. */
export const THESIS_HELD_OUT: readonly PublishedRow[] = [
  { minMs: 150, maxMs: 175, p50: 141, p90: 291, p99: 467, max: 610, mean: 164 },
  { minMs: 150, maxMs: 200, p50: 146, p90: 194, p99: 352, max: 513, mean: 156 },
];

/** Fine beside the shortest timeouts. */
const TICK_MS = 0.5;

/** The thesis's benchmark: plain Raft, heartbeats at half the shortest timeout, nobody is told of the loss. */
export function thesisConditions({ minMs, maxMs }: Timeouts): ElectionConditions {
  const heartbeatMs = minMs / 2;
  return {
    hardware: THESIS_HARDWARE,
    config: {
      electionTicks: minMs / TICK_MS,
      electionTicksMax: maxMs / TICK_MS + 1,
      heartbeatTicks: heartbeatMs / TICK_MS,
      preVote: false,
      checkQuorum: false,
    },
    tickMs: TICK_MS,
    heartbeatMs,
    loss: "cut",
  };
}
