import { ClusterError, messageOf, sleep, type Clock, type Millis, type Random } from "@murmur/base";
import type { EngineStatus } from "@murmur/model";
import { Alarm } from "./alarm.ts";
import { backoff } from "./backoff.ts";
import type { ContainerEvent, ContainerSummary, EngineInfo, EngineVolume, Runtime } from "./ports.ts";

/** What the watch tells its user; each is called synchronously and must not throw. */
interface EngineListener {
  onStatus(status: EngineStatus): void;
  /** What the engine is and has, at each connection and when it has changed since. */
  onInfo(info: EngineInfo): void;
  /** All local volumes, after each list of containers. */
  onVolumes(volumes: readonly EngineVolume[]): void;
  /** All containers of this node, at each connection and from time to time: what no event told comes to light. */
  onList(containers: readonly ContainerSummary[]): void;
  onEvent(event: ContainerEvent): void;
}

export interface EngineWatchOptions {
  readonly engine: Runtime;
  /** Whose containers are listed and listened to. */
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: EngineListener;
  /** Between two looks at whether the engine answers: it may hang without closing the event stream. */
  readonly pingEveryMs: Millis;
  /** Between two lists while the event stream is open: the safety net below the events. */
  readonly listEveryMs: Millis;
}

const RECONNECT = { firstMs: 100, mostMs: 5_000 };
/** Plugins and labels of an engine change while it runs; Docker looks as often. */
const INFO_EVERY_MS: Millis = 20_000;
/** Lists are at least this far apart, however often one is asked for. */
const LIST_GAP_MS = 1_000;

/**
 * Keeps a subscription to the engine's events for as long as it runs. The engine is `ready` from when the events were
 * subscribed to and everything was listed, in that order so that nothing is missed, until the stream ends or a ping or
 * list isn't answered; then it is `down` and is tried again, at the latest every 5 s, without end.
 */
export class EngineWatch {
  readonly #options: EngineWatchOptions;
  readonly #pingNow: Alarm;
  readonly #listNow: Alarm;
  #status: EngineStatus = { state: "down", message: "the engine was not asked yet" };

  constructor(options: EngineWatchOptions) {
    this.#options = options;
    this.#pingNow = new Alarm(options.clock);
    this.#listNow = new Alarm(options.clock);
  }

  get status(): EngineStatus {
    return this.#status;
  }

  /** A call wasn't answered: if a ping isn't either, the engine is down. */
  suspect(): void {
    this.#pingNow.ring();
  }

  /** Asks for a list soon. */
  refresh(): void {
    this.#listNow.ring();
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const error = await this.#connection(signal);
      if (signal.aborted) return;
      failures = this.#status.state === "ready" ? 0 : failures + 1;
      this.#setStatus({ state: "down", message: messageOf(error) });
      await sleep(clock, backoff(failures, random, RECONNECT), signal).catch(() => undefined);
    }
  }

  /** One connection, from subscribing to the first thing that fails; returns what that was. */
  async #connection(outer: AbortSignal): Promise<unknown> {
    const own = new AbortController();
    const end = (): void => own.abort(new Error("the engine is connected to anew"));
    outer.addEventListener("abort", end, { once: true });
    let cause: unknown;
    const guard = (loop: Promise<void>): Promise<void> =>
      loop.catch((error: unknown) => {
        cause ??= error;
        end();
      });
    await guard(this.#serve(own.signal, guard));
    end();
    outer.removeEventListener("abort", end);
    return cause;
  }

  async #serve(signal: AbortSignal, guard: (loop: Promise<void>) => Promise<void>): Promise<void> {
    const { engine, labels, listener } = this.#options;
    const events = await engine.events(labels, { signal });
    const info = await engine.info({ signal });
    listener.onInfo(info);
    listener.onList(await engine.list(labels, { signal }));
    this.#setStatus({ state: "ready", message: "" });
    await Promise.all([
      guard(this.#read(events, signal)),
      guard(this.#ping(signal)),
      guard(this.#list(signal)),
      guard(this.#inform(info, signal)),
    ]);
  }

  async #read(events: AsyncIterable<ContainerEvent>, signal: AbortSignal): Promise<void> {
    for await (const event of events) {
      if (signal.aborted) return;
      this.#options.listener.onEvent(event);
    }
    throw new ClusterError("unavailable", "the engine closed its event stream");
  }

  async #ping(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#pingNow.wait(this.#options.pingEveryMs, signal);
      await this.#options.engine.ping({ signal });
    }
  }

  /** A plugin that somebody installs is there for the scheduler without a restart of anything. */
  async #inform(first: EngineInfo, signal: AbortSignal): Promise<void> {
    const { engine, clock, listener } = this.#options;
    let told = JSON.stringify(first);
    while (!signal.aborted) {
      await sleep(clock, INFO_EVERY_MS, signal);
      // If the engine is away, the next ping tells.
      const info = await engine.info({ signal }).catch(() => undefined);
      if (info === undefined || JSON.stringify(info) === told) continue;
      told = JSON.stringify(info);
      listener.onInfo(info);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { engine, labels, clock, listener } = this.#options;
    while (!signal.aborted) {
      await this.#lookAtVolumes(signal);
      await sleep(clock, LIST_GAP_MS, signal);
      await this.#listNow.wait(this.#options.listEveryMs, signal);
      listener.onList(await engine.list(labels, { signal }));
    }
  }

  /** An engine may be held up by one volume's driver and do all else: what was seen last counts until it answers. */
  async #lookAtVolumes(signal: AbortSignal): Promise<void> {
    const { engine, listener } = this.#options;
    try {
      listener.onVolumes(await engine.volumes({ signal }));
    } catch {
      // If it is away, the next ping tells.
    }
  }

  #setStatus(status: EngineStatus): void {
    if (status.state === this.#status.state && status.message === this.#status.message) return;
    this.#status = status;
    this.#options.listener.onStatus(status);
  }
}
