import { sleep, type Clock, type Millis } from "@murmur/base";

/** What is encoded in one turn of the event loop: a chunk, and then more for so long, and so many bytes. */
const TURN_MS: Millis = 2;
const TURN_BYTES = 262_144;

/**
 * Encodes a few chunks a turn of the event loop, so that heartbeats and everything else go on in between. Mostly the bytes end
 * a turn; while the heap is being marked, each chunk may take ten times as long (docs/scale.md).
 */
export async function* paced(
  chunks: Iterable<Uint8Array>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let began = clock.monotonic();
  let bytes = 0;
  for (const chunk of chunks) {
    yield chunk;
    bytes += chunk.length;
    if (bytes < TURN_BYTES && clock.monotonic() - began < TURN_MS) continue;
    await sleep(clock, 0, signal);
    began = clock.monotonic();
    bytes = 0;
  }
}
