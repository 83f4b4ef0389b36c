import { DEFAULT_CONFIG } from "@murmur/raft";
import { THESIS_HARDWARE, type ElectionConditions, type Loss } from "./conditions.ts";

/**
 * Murmur's own way on the thesis's hardware: pre-vote, check-quorum, hints, and timeouts of 10 to 20 ticks with a
 * heartbeat every second one. The product's tick is 50 ms; 15 ms make it the 150 to 300 ms that the thesis recommends.
 */
export function murmurConditions(tickMs: number, loss: Loss): ElectionConditions {
  return {
    hardware: THESIS_HARDWARE,
    config: DEFAULT_CONFIG,
    tickMs,
    heartbeatMs: DEFAULT_CONFIG.heartbeatTicks * tickMs,
    loss,
  };
}
