import type { Clock } from "@murmur/base";
import type { Watch, WatchEvents } from "@murmur/store";
import type { ClusterEvent } from "../murmur-types.ts";
import type { Cluster } from "../ports.ts";
import type { EventWriter } from "./event-filter.ts";

/** Changes that may wait for one slow reader; one more, and it gets a snapshot instead. */
const WAITING_MAX = 1_024;
/** An idle stream says this often that it is alive, so that readers notice a lost connection. */
const HEARTBEAT_MS = 10_000;
/** Lines are sent together up to about this size. */
const CHUNK_LENGTH = 64 * 1024;

export interface EventSource {
  readonly cluster: Cluster;
  readonly writer: EventWriter;
  readonly clock: Clock;
  /** Whether the replica is still the node's own: a stream of one that isn't would wait for ever. */
  readonly isCurrent: () => boolean;
  /** Called once, when the stream has ended in whatever way. */
  readonly onEnd: () => void;
}

/**
 * The lines of `GET /murmur/events`. Nothing is produced until it is asked for: what waits is bounded by the watch
 * alone.
 */
export function eventLines(source: EventSource, signal: AbortSignal): ReadableStream<Uint8Array> {
  const alarm = new Alarm(source.clock);
  const watch = source.cluster.watch({ limit: WAITING_MAX, onReady: () => alarm.ring() });
  const lines = produce(source, watch, alarm);
  const encoder = new TextEncoder();
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    signal.removeEventListener("abort", end);
    watch.close();
    alarm.close();
    source.onEnd();
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = ended ? undefined : await lines.next();
        if (next !== undefined && next.done !== true && !ended) return controller.enqueue(encoder.encode(next.value));
        const cancelled = ended && !signal.aborted;
        end();
        if (!cancelled) controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

async function* produce(source: EventSource, watch: Watch, alarm: Alarm): AsyncGenerator<string, void, undefined> {
  // What changed since the watch began is in the snapshot already; told after it, it would turn back time.
  watch.drain();
  yield* inChunks(source.writer.snapshot());
  while (!alarm.closed && source.isCurrent()) {
    const waiting = watch.drain();
    if (waiting.kind === "changes" && waiting.batches.length === 0) {
      if (!(await alarm.heard(HEARTBEAT_MS))) yield "\n";
    } else {
      yield* inChunks(eventsOf(waiting, source.writer));
    }
  }
}

function* eventsOf(waiting: WatchEvents, writer: EventWriter): Generator<ClusterEvent, void, undefined> {
  if (waiting.kind === "resync") return yield* writer.snapshot();
  for (const { changes } of waiting.batches) {
    for (const change of changes) {
      const event = writer.change(change);
      if (event !== undefined) yield event;
    }
  }
}

function* inChunks(events: Iterable<ClusterEvent>): Generator<string, void, undefined> {
  let chunk = "";
  for (const event of events) {
    chunk += `${JSON.stringify(event)}\n`;
    if (chunk.length < CHUNK_LENGTH) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

/** Wakes the one loop that waits: for something in the watch, for the heartbeat, for the end. */
class Alarm {
  readonly #clock: Clock;
  #rung = false;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get closed(): boolean {
    return this.#closed;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.ring();
  }

  /** Waits until it rings; false when it didn't within the time. */
  async heard(withinMs: number): Promise<boolean> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimer(withinMs, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    const heard = this.#rung;
    this.#wake = undefined;
    this.#rung = false;
    return heard;
  }
}
