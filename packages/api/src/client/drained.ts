import { once } from "node:events";
import type { Writable } from "node:stream";

/** Resolves when a stream takes more, or takes nothing any more. Leaves no listener behind, however often it is called. */
export async function drained(stream: Writable): Promise<void> {
  if (stream.destroyed) return;
  const over = new AbortController();
  const { signal } = over;
  try {
    await Promise.race([once(stream, "drain", { signal }), once(stream, "close", { signal })]);
  } finally {
    over.abort();
  }
}
