import type { Random } from "@murmur/base";
import type { RaftConfig } from "./config.ts";

/**
 * Says when to campaign. Normally after a random number of ticks without a leader; in a hurry, after a hint that the
 * leader is gone, within `hintTicksMax`, then with pauses that double until they reach the normal time-out.
 */
export class ElectionTimer {
  readonly #config: RaftConfig;
  readonly #random: Random;
  #elapsed = 0;
  #timeout: number;
  /** Attempts since the hint; undefined when there is no hurry. */
  #attempts: number | undefined;

  constructor(config: RaftConfig, random: Random) {
    this.#config = config;
    this.#random = random;
    this.#timeout = this.#normalTimeout();
  }

  /** A hint was given, and neither a leader was heard nor the normal time-out reached since. */
  get hurried(): boolean {
    return this.#attempts !== undefined;
  }

  /** Lets one tick pass. True when it is time to campaign. */
  tick(): boolean {
    this.#elapsed += 1;
    return this.#elapsed >= this.#timeout;
  }

  /** A leader was heard, or a vote was given away: starts a full time-out. */
  restart(): void {
    this.#attempts = undefined;
    this.#elapsed = 0;
    this.#timeout = this.#normalTimeout();
  }

  /** The leader is probably gone: campaigns soon, unless that is due anyway. */
  hasten(): void {
    if (this.#attempts !== undefined) return;
    this.#attempts = 0;
    this.#fireWithin(1 + this.#random.below(this.#config.hintTicksMax));
  }

  /** A rival was given a chance: lets it finish before an own hurried campaign. */
  defer(): void {
    if (this.#attempts === undefined) return;
    this.#timeout = Math.max(this.#timeout, this.#elapsed + 2 + this.#random.below(2));
  }

  /** A campaign has begun; sets when to try again should it fail. */
  retry(): void {
    this.#elapsed = 0;
    if (this.#attempts !== undefined) {
      this.#attempts += 1;
      const pause = 2 ** this.#attempts;
      if (pause < this.#config.electionTicks) {
        this.#timeout = pause + this.#random.below(pause);
        return;
      }
      this.#attempts = undefined;
    }
    this.#timeout = this.#normalTimeout();
  }

  #fireWithin(ticks: number): void {
    this.#timeout = Math.min(this.#timeout, this.#elapsed + ticks);
  }

  #normalTimeout(): number {
    const { electionTicks, electionTicksMax } = this.#config;
    return electionTicks + this.#random.below(electionTicksMax - electionTicks);
  }
}
