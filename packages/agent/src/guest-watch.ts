import { ClusterError, messageOf, sleep, type Clock, type Log, type Millis, type Random } from "@murmur/base";
import { Alarm } from "./alarm.ts";
import { backoff } from "./backoff.ts";
import type { EngineGuest, GuestRuntime } from "./ports.ts";
import { withTimeLimit } from "./time-limit.ts";

export interface GuestWatchOptions {
  readonly engine: Pick<GuestRuntime, "guests" | "guestEvents">;
  /** Of the networks whose guests are looked for. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether there can be any: an engine without an attachable network isn't asked. */
  readonly isNeeded: () => boolean;
  /** All of them, after each look. */
  readonly onGuests: (guests: readonly EngineGuest[]) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Looks are at least this far apart: several containers that start together are one look. */
const GAP_MS: Millis = 100;
/** The safety net below the events, and how soon a first attachable network is noticed. */
const LOOK_EVERY_MS: Millis = 10_000;
/** How long the engine may take for one look, and to begin to tell of events. */
const LIMIT_MS: Millis = 10_000;
const RECONNECT = { firstMs: 500, mostMs: 10_000 };

/** Follows which containers are in the engine's networks without being a task's, for as long as it runs. */
export class GuestWatch {
  readonly #options: GuestWatchOptions;
  readonly #lookNow: Alarm;

  constructor(options: GuestWatchOptions) {
    this.#options = options;
    this.#lookNow = new Alarm(options.clock);
  }

  /** Runs until the signal is aborted. While the engine is away its guests stay: their containers may run on. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const { error, looked } = await this.#connection(signal);
      if (signal.aborted) return;
      log.debug("the engine's guests are looked for anew", { error: messageOf(error) });
      failures = looked ? 0 : failures + 1;
      await sleep(clock, backoff(failures, random, RECONNECT), signal).catch(() => undefined);
    }
  }

  /** From subscribing to the first thing that fails: what that was, and whether there was a look before it. */
  async #connection(outer: AbortSignal): Promise<{ readonly error: unknown; readonly looked: boolean }> {
    const own = new AbortController();
    let failed: { readonly error: unknown } | undefined;
    let looked = false;
    const end = (): void => own.abort(new Error("the engine is subscribed to anew"));
    const guard = (loop: Promise<void>): Promise<void> =>
      loop.catch((error: unknown) => {
        failed ??= { error };
        end();
      });
    outer.addEventListener("abort", end, { once: true });
    const { engine, clock } = this.#options;
    const limit = { clock, limitMs: LIMIT_MS, who: "the engine", signal: own.signal };
    await guard(
      // The limit is on subscribing; the stream itself ends with the connection.
      withTimeLimit(limit, () => engine.guestEvents({ signal: own.signal })).then(async (events) => {
        const onLook = (): void => void (looked = true);
        await Promise.all([guard(this.#read(events)), guard(this.#look(own.signal, onLook))]);
      }),
    );
    outer.removeEventListener("abort", end);
    return { error: failed?.error, looked };
  }

  async #read(events: AsyncIterable<unknown>): Promise<void> {
    for await (const _event of events) this.#lookNow.ring();
    throw new ClusterError("unavailable", "the engine closed its event stream");
  }

  async #look(signal: AbortSignal, onLook: () => void): Promise<void> {
    const { engine, labels, isNeeded, onGuests, clock } = this.#options;
    const limit = { clock, limitMs: LIMIT_MS, who: "the engine", signal };
    while (!signal.aborted) {
      onGuests(isNeeded() ? await withTimeLimit(limit, (options) => engine.guests(labels, options)) : []);
      onLook();
      await sleep(clock, GAP_MS, signal);
      await this.#lookNow.wait(LOOK_EVERY_MS, signal);
    }
  }
}
