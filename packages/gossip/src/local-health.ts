import type { SwimConfig } from "./config.ts";

/**
 * Lifeguard's local health: a score between 0 (well) and `healthMax`. Probes take score + 1 times as long, so a node
 * that is slow itself gives others more time to answer.
 */
export class LocalHealth {
  readonly #config: SwimConfig;
  #score = 0;

  constructor(config: SwimConfig) {
    this.#config = config;
  }

  get score(): number {
    return this.#score;
  }

  /** What probe intervals and timeouts are multiplied by. */
  get factor(): number {
    return this.#config.lhaProbe ? this.#score + 1 : 1;
  }

  /** Evidence of good (negative) or bad (positive) health. */
  change(by: number): void {
    this.#score = Math.max(0, Math.min(this.#config.healthMax, this.#score + by));
  }
}
