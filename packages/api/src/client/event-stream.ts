import type { IncomingMessage } from "node:http";
import { ClusterError, messageOf } from "@murmur/base";
import type { ClusterEvent } from "../murmur-types.ts";

/** A line longer than this is no event. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** The daemon says something at least every 10 s; a stream that is silent for this long has lost its other end. */
const SILENCE_MS = 35_000;

/**
 * Reads an NDJSON answer. Only as much is read as is asked for, so nothing piles up here: a slow reader slows the
 * stream down, and the daemon answers by a new snapshot. Ends when the daemon ends it; rejects with `unavailable` when
 * the connection breaks.
 */
export async function* readEvents(answer: IncomingMessage): AsyncGenerator<ClusterEvent, void, undefined> {
  answer.setEncoding("utf8");
  const onSilence = (): void => void answer.destroy(new Error("the daemon fell silent"));
  const { socket } = answer;
  socket.setTimeout(SILENCE_MS, onSilence);
  let rest = "";
  try {
    for await (const chunk of answer) {
      rest += String(chunk);
      let start = 0;
      for (let end = rest.indexOf("\n", start); end >= 0; end = rest.indexOf("\n", start)) {
        const line = rest.slice(start, end);
        start = end + 1;
        // An empty line only says that the stream is alive.
        if (line !== "") yield parseEvent(line);
      }
      rest = rest.slice(start);
      if (rest.length > LINE_BYTES_MAX) throw new ClusterError("internal", "an event of the daemon is too long");
    }
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    throw new ClusterError("unavailable", `lost the daemon's events: ${messageOf(error)}`, { cause: error });
  } finally {
    // The socket may serve other requests after this.
    socket.setTimeout(0);
    socket.off("timeout", onSilence);
    answer.destroy();
  }
}

function parseEvent(line: string): ClusterEvent {
  try {
    // Written by this package's own server; the client trusts the daemon that it was pointed at.
    return JSON.parse(line) as ClusterEvent;
  } catch (error) {
    throw new ClusterError("internal", "an event of the daemon is no JSON", { cause: error });
  }
}
