import { setImmediate as nextTurn } from "node:timers/promises";
import type { Context } from "hono";
import { madeBody } from "./made-body.ts";

/** Characters that are put together in one turn of the event loop: some milliseconds of work. */
const CHUNK_CHARS = 256 * 1_024;
const JSON_HEADERS = { "content-type": "application/json" };

/**
 * A JSON array of texts. A long one is made as it is read, a part a turn of the event loop, so that heartbeats and other
 * requests go on meanwhile. `texts` is asked after this has returned too: it must not depend on what changes.
 */
export function listResponse(context: Context, texts: Iterable<string>): Response {
  const parts = partsOf(texts);
  const first = parts.next();
  const second = parts.next();
  if (second.done === true) return context.body(first.value ?? "[]", 200, JSON_HEADERS);
  const body = madeBody(encoded([first.value ?? "", second.value], parts), {
    signal: context.req.raw.signal,
    end: () => void parts.return(undefined),
  });
  return context.body(body, 200, JSON_HEADERS);
}

/** At least one; the last ends the array. */
function* partsOf(texts: Iterable<string>): Generator<string, undefined, undefined> {
  let part = "[";
  let separator = "";
  for (const text of texts) {
    part += separator + text;
    separator = ",";
    if (part.length < CHUNK_CHARS) continue;
    yield part;
    part = "";
  }
  yield `${part}]`;
  return undefined;
}

async function* encoded(begun: readonly string[], rest: Iterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of begun) yield Buffer.from(part);
  for (const part of rest) {
    await nextTurn();
    yield Buffer.from(part);
  }
}
