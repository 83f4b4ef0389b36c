import type { Clock } from "@murmur/base";
import type { Watch, WatchEvents } from "@murmur/store";
import type { ClusterEvent } from "../murmur-types.ts";
import type { Cluster } from "../ports.ts";
import { Alarm } from "./alarm.ts";
import type { EventWriter } from "./event-filter.ts";
import { madeBody } from "./made-body.ts";

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
  const end = (): void => {
    watch.close();
    alarm.close();
    source.onEnd();
  };
  return madeBody(encoded(produce(source, watch, alarm)), { signal, end });
}

async function* encoded(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for await (const line of lines) yield encoder.encode(line);
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
