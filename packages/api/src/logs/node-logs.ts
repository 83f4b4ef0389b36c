import { ClusterError, messageOf, type Clock, type Millis, type NodeId } from "@murmur/base";
import { inTime } from "../http/in-time.ts";
import { readBody } from "../http/read-body.ts";
import type { ApiPorts } from "../ports.ts";
import { readFrames } from "./frames.ts";
import { decodeEntry, type LogEntry } from "./log-entry.ts";
import { wishQuery, type LogWish } from "./log-wish.ts";

/** A node that hasn't begun to answer by then is shown as one that doesn't. */
const HEAD_MS: Millis = 5_000;
/** The same for one that goes silent in the middle of what it has; a log that is followed may be silent for ever. */
const SILENCE_MS: Millis = 15_000;

export interface NodeQuestion {
  readonly node: NodeId;
  readonly tasks: readonly string[];
  readonly wish: LogWish;
}

/**
 * What one node has of the logs of these tasks. Never rejects: that the node doesn't answer, or not any more, is said of
 * every task that it hasn't come to the end of. The signal ends it.
 */
export async function* nodeLogs(
  { askNode, clock }: Pick<ApiPorts, "askNode" | "clock">,
  { node, tasks, wish }: NodeQuestion,
  signal: AbortSignal,
): AsyncGenerator<readonly LogEntry[], void, undefined> {
  const open = new Set(tasks);
  const request = new AbortController();
  const stop = (): void => request.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const query = wishQuery(wish);
    for (const task of tasks) query.append("task", task);
    const url = `http://murmur/logs?${query.toString()}`;
    const answer = await inTime(askNode(node, new Request(url, { signal: request.signal })), {
      clock,
      limitMs: HEAD_MS,
    });
    if (!answer.ok) throw new ClusterError("unavailable", await refusalOf(answer));
    if (answer.body === null) return;
    const pieces = readBody(answer.body, request.signal);
    for await (const frames of readFrames(wish.follow ? pieces : inTimeEach(pieces, clock))) {
      const entries = frames.map(decodeEntry).filter((entry) => entry !== undefined);
      for (const entry of entries) if (entry.kind !== "stdout" && entry.kind !== "stderr") open.delete(entry.task);
      yield entries;
    }
    if (open.size > 0) throw new ClusterError("unavailable", "it broke off");
  } catch (error) {
    if (signal.aborted) return;
    yield [...open].map((task) => ({ kind: "lost", task, message: messageOf(error) }));
  } finally {
    signal.removeEventListener("abort", stop);
    request.abort(new ClusterError("cancelled", "nobody reads this any more"));
  }
}

/** Rejects with `timeout` when a piece takes too long. */
async function* inTimeEach(
  pieces: AsyncIterable<Uint8Array>,
  clock: Clock,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = pieces[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await inTime(iterator.next(), { clock, limitMs: SILENCE_MS });
    if (done === true) return;
    yield value;
  }
}

async function refusalOf(answer: Response): Promise<string> {
  const body: unknown = await answer.json().catch(() => undefined);
  const said = typeof body === "object" && body !== null && "message" in body ? body.message : undefined;
  return typeof said === "string" ? said : `it answered with status ${String(answer.status)}`;
}
