import type { Clock, Millis } from "@murmur/base";
import type { Watch } from "@murmur/store";
import { Alarm } from "../http/alarm.ts";
import type { Cluster } from "../ports.ts";
import { swarmEvent, type DockerEvent } from "./swarm-event.ts";

/** Events that are remembered, for `since` and for readers that are slower than the cluster. Docker keeps 256. */
const REMEMBERED_MAX = 1_024;
const WAITING_MAX = 4_096;
/** A silent stream says so often that it is alive. */
const HEARTBEAT_MS: Millis = 10_000;

export interface EventWish {
  /** Also what was remembered from after this moment on, in milliseconds; undefined: only what comes. */
  readonly since: Millis | undefined;
  /** Ends then; undefined: never. */
  readonly until: Millis | undefined;
  readonly accepts: (event: DockerEvent) => boolean;
}

/** The last events of the cluster, as this manager's replica has seen them since it was first asked anything. */
export class EventMemory {
  readonly #clock: Clock;
  #cluster: Cluster | undefined;
  #watch: Watch | undefined;
  #events: DockerEvent[] = [];
  /** How many were ever told. The last of them is at the end of `#events`. */
  #told = 0;
  readonly #alarms = new Set<Alarm>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on this replica's changes are told. */
  follow(cluster: Cluster | undefined): void {
    if (cluster === this.#cluster) return;
    this.#cluster = cluster;
    this.#watch?.close();
    // Woken in the middle of a change: what it was is taken out after it.
    this.#watch = cluster?.watch({ limit: WAITING_MAX, onReady: () => queueMicrotask(() => this.#take()) });
    for (const alarm of this.#alarms) alarm.ring();
  }

  /** Events as they come; undefined where there was none for a while. A reader that is too slow misses the oldest. */
  async *read({ since, until, accepts }: EventWish, signal: AbortSignal): AsyncGenerator<DockerEvent | undefined> {
    const cluster = this.#cluster;
    const alarm = new Alarm(this.#clock);
    const stop = (): void => alarm.close();
    signal.addEventListener("abort", stop, { once: true });
    this.#alarms.add(alarm);
    let next = since === undefined ? this.#told : 0;
    try {
      while (!signal.aborted && cluster === this.#cluster) {
        const first = this.#told - this.#events.length;
        for (next = Math.max(next, first); next < this.#told; next += 1) {
          const event = this.#events[next - (this.#told - this.#events.length)];
          if (event === undefined) continue;
          const at = event.timeNano / 1_000_000;
          if ((since === undefined || at > since) && (until === undefined || at <= until) && accepts(event))
            yield event;
        }
        const leftMs = until === undefined ? HEARTBEAT_MS : Math.min(HEARTBEAT_MS, until - this.#clock.now());
        if (leftMs <= 0) return;
        if (!(await alarm.heard(leftMs))) yield undefined;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#alarms.delete(alarm);
    }
  }

  #take(): void {
    const waiting = this.#watch?.drain();
    if (waiting?.kind !== "changes") return;
    const now = this.#clock.now();
    const events = waiting.batches.flatMap(({ changes }) => changes.map((change) => swarmEvent(change, now)));
    for (const event of events) {
      if (event === undefined) continue;
      this.#events.push(event);
      this.#told += 1;
    }
    if (this.#events.length > REMEMBERED_MAX) this.#events = this.#events.slice(-REMEMBERED_MAX);
    for (const alarm of this.#alarms) alarm.ring();
  }
}
