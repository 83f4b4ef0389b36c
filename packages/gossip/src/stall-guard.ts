import type { Millis } from "@murmur/base";
import type { SwimConfig } from "./config.ts";

/** The score that one stall can cost at most, however long it was. */
const HEALTH_COST_MAX = 4;

/**
 * Notices that this node was not running: a busy event loop, a starved or stopped process. The rule: when any call
 * arrives later than the deadline that was announced by `stallThresholdMs` or more, then
 *
 * - the health score rises by 1 for every probe interval begun, at most by 4;
 * - the probe under way is given up without a verdict, because its ack may wait unread or may have come too late only
 *   for this node; when health made the probe so slow that the stall is small beside its timeout, it gets the lost time
 *   back instead, so that a node that stalls all the time still finds the dead;
 * - probes for others end without a nack;
 * - every suspicion is postponed by the lateness, and none ends before one probe timeout from now, so that refutations
 *   which wait in the socket's buffer are read first.
 */
export class StallGuard {
  readonly #config: SwimConfig;
  #stalls = 0;

  constructor(config: SwimConfig) {
    this.#config = config;
  }

  /** Stalls noticed so far. */
  get stalls(): number {
    return this.#stalls;
  }

  /** Measures a call against the deadline. Undefined when this node was not stalled. */
  check(deadline: Millis, now: Millis): { lostMs: Millis; healthCost: number } | undefined {
    const lostMs = now - deadline;
    if (!this.#config.stallGuard || lostMs < this.#config.stallThresholdMs) return undefined;
    this.#stalls += 1;
    return { lostMs, healthCost: Math.min(HEALTH_COST_MAX, Math.ceil(lostMs / this.#config.probeIntervalMs)) };
  }
}
