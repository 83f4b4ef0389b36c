import { sleep, type Clock } from "@murmur/base";

/** Chunks of 64 KiB that are encoded in one turn of the event loop: a few milliseconds of work. */
const CHUNKS_A_TURN = 4;

/** Encodes a few chunks a turn of the event loop, so that heartbeats and everything else go on in between. */
export async function* paced(
  chunks: Iterable<Uint8Array>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for (const chunk of chunks) {
    yield chunk;
    count += 1;
    if (count % CHUNKS_A_TURN === 0) await sleep(clock, 0, signal);
  }
}
