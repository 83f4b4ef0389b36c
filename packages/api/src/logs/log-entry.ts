import { encodeFrame, type Frame } from "./frames.ts";

/** A line that a task's container has written, or as much of a long one as the engine gives at once. */
export interface LogLine {
  readonly kind: "stdout" | "stderr";
  readonly task: string;
  /** When the engine took it in: RFC 3339 in UTC with nine digits, so that order is that of the texts. */
  readonly at: string;
  /** What the log driver knows beside: `key=value,…`, escaped as in a URL; empty when it wasn't asked for. */
  readonly details: string;
  readonly text: Uint8Array;
}

/** What is said of the logs of one task. */
export type LogEntry =
  | LogLine
  /** There is nothing more, for now: its container has ended, is gone, or was never there. */
  | { readonly kind: "end"; readonly task: string }
  /** Its log can't be read, and asking again won't help. */
  | { readonly kind: "unreadable"; readonly task: string; readonly message: string }
  /** Its node can't be reached (any more). */
  | { readonly kind: "lost"; readonly task: string; readonly message: string };

const STREAM = { end: 0, stdout: 1, stderr: 2, unreadable: 3, lost: 4 } as const satisfies Record<
  LogEntry["kind"],
  number
>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const SPACE = 0x20;

/** An entry as nodes send it to each other: a frame whose payload begins with the task, the time and the details. */
export function encodeEntry(entry: LogEntry): Uint8Array {
  const { kind, task } = entry;
  switch (kind) {
    case "stdout":
    case "stderr":
      return encodeFrame(STREAM[kind], joined(`${task} ${entry.at} ${entry.details} `, entry.text));
    case "end":
      return encodeFrame(STREAM[kind], encoder.encode(`${task} `));
    case "unreadable":
    case "lost":
      return encodeFrame(STREAM[kind], encoder.encode(`${task} ${entry.message}`));
  }
}

/** The entry of a frame; undefined for one of a kind that this version doesn't know. */
export function decodeEntry({ stream, payload }: Frame): LogEntry | undefined {
  const [task, rest] = cutWord(payload);
  switch (stream) {
    case STREAM.stdout:
    case STREAM.stderr: {
      const [at, more] = cutWord(rest);
      const [details, text] = cutWord(more);
      return { kind: stream === STREAM.stdout ? "stdout" : "stderr", task, at, details, text };
    }
    case STREAM.end:
      return { kind: "end", task };
    case STREAM.unreadable:
      return { kind: "unreadable", task, message: decoder.decode(rest) };
    case STREAM.lost:
      return { kind: "lost", task, message: decoder.decode(rest) };
    default:
      return undefined;
  }
}

/** The bytes up to the first space as text, and what is behind it. */
export function cutWord(bytes: Uint8Array): readonly [string, Uint8Array] {
  const end = bytes.indexOf(SPACE);
  if (end < 0) return [decoder.decode(bytes), bytes.subarray(bytes.byteLength)];
  return [decoder.decode(bytes.subarray(0, end)), bytes.subarray(end + 1)];
}

export function joined(head: string, tail: Uint8Array): Uint8Array {
  const start = encoder.encode(head);
  const bytes = new Uint8Array(start.byteLength + tail.byteLength);
  bytes.set(start);
  bytes.set(tail, start.byteLength);
  return bytes;
}
