import { messageOf, sleep, type Clock, type Log, type Millis, type Random } from "@murmur/base";
import { REPORT_BATCH_MS, type Index, type SessionMessage } from "@murmur/model";
import { Alarm } from "./alarm.ts";
import { backoff } from "./backoff.ts";
import type { Session, Sessions } from "./ports.ts";
import type { Reports } from "./reports.ts";
import { withTimeLimit } from "./time-limit.ts";

export interface SessionLoopOptions {
  readonly sessions: Sessions;
  readonly reports: Reports;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A session has begun: what was held of the assignment is no base for a delta any more. */
  readonly onOpen: () => void;
  readonly onMessage: (message: SessionMessage) => void;
  /** The version of the endpoints that changes can build on; 0: there are none. */
  readonly endpoints: () => Index;
}

const RECONNECT = { firstMs: 50, mostMs: 2_000 };
const OPEN_LIMIT_MS: Millis = 5_000;
/** A transport that takes no report for so long is as good as broken. */
const SEND_LIMIT_MS: Millis = 10_000;
/** A report that isn't confirmed within this time is sent again, should its manager have lost it. */
const CONFIRM_LIMIT_MS: Millis = 30_000;

/**
 * Keeps a session with some manager for as long as it runs. Reports gather for 20 ms and go in the order: resync,
 * acknowledgement, node, tasks. A session that breaks is replaced after 50 ms to 2 s; nothing else of the agent waits.
 */
export class SessionLoop {
  readonly #options: SessionLoopOptions;
  readonly #outgoing: Alarm;
  #connected = false;

  constructor(options: SessionLoopOptions) {
    this.#options = options;
    this.#outgoing = new Alarm(options.clock);
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** There is something to report. */
  wake(): void {
    this.#outgoing.ring();
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const began = clock.monotonic();
      const error = await this.#session(signal).catch((reason: unknown) => reason);
      if (signal.aborted) return;
      if (clock.monotonic() - began > RECONNECT.mostMs) failures = 0;
      log.debug("no session with a manager", { error: messageOf(error), failures });
      await sleep(clock, backoff(failures, random, RECONNECT), signal).catch(() => undefined);
      failures += 1;
    }
  }

  /** One session from its opening to its end, which always comes as an error. */
  async #session(outer: AbortSignal): Promise<never> {
    const { sessions, clock, reports, onOpen, endpoints } = this.#options;
    const session = await withTimeLimit(
      { clock, limitMs: OPEN_LIMIT_MS, who: "the manager", signal: outer },
      (options) => sessions.open({ ...options, endpoints: endpoints() }),
    );
    const own = new AbortController();
    let cause: unknown;
    const end = (reason: unknown): void => {
      cause ??= reason;
      own.abort(new Error("the session is over"));
      session.close();
    };
    const onAbort = (): void => end(outer.reason);
    outer.addEventListener("abort", onAbort, { once: true });
    if (outer.aborted) onAbort();
    reports.begin();
    this.#connected = true;
    onOpen();
    this.wake();
    await Promise.all([this.#read(session, own.signal).catch(end), this.#write(session, own.signal).catch(end)]);
    outer.removeEventListener("abort", onAbort);
    this.#connected = false;
    throw cause;
  }

  async #read(session: Session, signal: AbortSignal): Promise<never> {
    for await (const message of session.messages) {
      if (signal.aborted) break;
      this.#options.onMessage(message);
    }
    throw new Error("the manager closed the session");
  }

  async #write(session: Session, signal: AbortSignal): Promise<void> {
    const { clock, reports } = this.#options;
    while (!signal.aborted) {
      await this.#outgoing.wait(CONFIRM_LIMIT_MS, signal);
      await sleep(clock, REPORT_BATCH_MS, signal);
      reports.expire(clock.monotonic() - CONFIRM_LIMIT_MS);
      for (let report = reports.next(clock.monotonic()); report !== undefined;) {
        const sent = report;
        await withTimeLimit({ clock, limitMs: SEND_LIMIT_MS, who: "the manager", signal }, () => session.send(sent));
        report = reports.next(clock.monotonic());
      }
    }
  }
}
