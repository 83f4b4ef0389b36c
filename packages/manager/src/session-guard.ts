import type { Clock, Log, Millis, NodeId, Scope } from "@murmur/base";
import type { Dispatcher } from "./dispatcher.ts";

const CHECK_MS: Millis = 500;
/** Longer than an election takes; short enough that an agent does not miss much. */
const LEADERLESS_MS: Millis = 3_000;

export interface SessionGuardOptions {
  readonly leader: () => NodeId | undefined;
  readonly dispatcher: Pick<Dispatcher, "closeAll">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Ends the agents' sessions when this manager has known no leader for a while: it was cut off, or is a manager no more.
 * What it would tell them is old, and what they report goes nowhere; another manager may serve them.
 */
export class SessionGuard {
  readonly #options: SessionGuardOptions;
  /** Since when there has been no leader; Infinity once the sessions have been closed for it. */
  #since: Millis | undefined;

  constructor(options: SessionGuardOptions) {
    this.#options = options;
  }

  start(scope: Scope): void {
    const { clock } = this.#options;
    const tick = (): void => {
      this.#check();
      timer = clock.setTimer(CHECK_MS, tick);
    };
    let timer = clock.setTimer(CHECK_MS, tick);
    scope.defer(() => timer.cancel());
  }

  #check(): void {
    const { leader, dispatcher, clock, log } = this.#options;
    const now = clock.monotonic();
    if (leader() !== undefined) {
      this.#since = undefined;
      return;
    }
    this.#since ??= now;
    if (now - this.#since < LEADERLESS_MS) return;
    this.#since = Infinity;
    log.info("closing the sessions: this manager knows no leader");
    dispatcher.closeAll();
  }
}
