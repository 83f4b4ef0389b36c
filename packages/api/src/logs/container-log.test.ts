import { describe, expect, it } from "vitest";
import { pieces } from "../testing/fake-ports.ts";
import { containerLines } from "./container-log.ts";
import { encodeFrame, readFrames } from "./frames.ts";
import { decodeEntry, encodeEntry, type LogEntry, type LogLine } from "./log-entry.ts";

const AT = "2026-11-21T03:00:00.000000001Z";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function lines(source: AsyncIterable<readonly LogLine[]>) {
  const found: unknown[] = [];
  for await (const batch of source)
    for (const { text, ...line } of batch) found.push({ ...line, text: new TextDecoder().decode(text) });
  return found;
}

describe("an engine's log", () => {
  it("is read line by line, with its time and which output it is of", async () => {
    const source = pieces(encodeFrame(1, bytes(`${AT} hello world\n`)), encodeFrame(2, bytes(`${AT} \n`)));
    expect(await lines(containerLines(source, { task: "t1", tty: false, details: false }))).toEqual([
      { kind: "stdout", task: "t1", at: AT, details: "", text: "hello world\n" },
      { kind: "stderr", task: "t1", at: AT, details: "", text: "\n" },
    ]);
  });

  it("has details in front where they were asked for, also where there are none", async () => {
    const source = pieces(encodeFrame(1, bytes(`${AT} a=b,c=d hello\n`)), encodeFrame(1, bytes(`${AT}  hello\n`)));
    expect(await lines(containerLines(source, { task: "t1", tty: false, details: true }))).toMatchObject([
      { details: "a=b,c=d", text: "hello\n" },
      { details: "", text: "hello\n" },
    ]);
  });

  it("of a terminal is cut at the ends of lines, and where there is none for long", async () => {
    const long = "x".repeat(70_000);
    const source = pieces(`${AT} one\r\n${AT} tw`, `o\r\n${AT} ${long}`, `rest\n`);
    const found = await lines(containerLines(source, { task: "t1", tty: true, details: false }));
    expect(found).toMatchObject([{ text: "one\r\n" }, { text: "two\r\n" }, { text: long }, {}]);
  });
});

it("entries travel between nodes as they are", async () => {
  const entries: LogEntry[] = [
    { kind: "stdout", task: "t1", at: AT, details: "", text: bytes("a b  c\n") },
    { kind: "stderr", task: "t2", at: AT, details: "k=v", text: bytes("") },
    { kind: "end", task: "t1" },
    { kind: "unreadable", task: "t2", message: "no such driver" },
    { kind: "lost", task: "t3", message: "it is down" },
  ];
  const found: unknown[] = [];
  for await (const frames of readFrames(pieces(...entries.map(encodeEntry)))) found.push(...frames.map(decodeEntry));
  expect(found.map((entry) => normal(entry))).toEqual(entries.map(normal));
  expect(decodeEntry({ stream: 99, payload: bytes("t1 x") })).toBeUndefined();
});

const normal = (entry: unknown): unknown =>
  typeof entry === "object" && entry !== null && "text" in entry
    ? { ...entry, text: [...(entry.text as Uint8Array)] }
    : entry;
