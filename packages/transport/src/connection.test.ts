import { ManualClock, nodeId, silentLog } from "@murmur/base";
import { beforeEach, describe, expect, it } from "vitest";
import { encodeNamed } from "./codec.ts";
import { Connection } from "./connection.ts";
import { decodeFrame, encodeFrame, type Frame } from "./frame.ts";
import { handlerTable } from "./handlers.ts";
import { transportLimits } from "./limits.ts";
import type { CloseReason, Link, LinkEvents } from "./link.ts";

/** A link that keeps what is sent, and says that it is full when told to. */
class RecordingLink implements Link {
  bufferedBytes = 0;
  readonly frames: Frame[] = [];
  events: LinkEvents | undefined;
  ended: "close" | "destroy" | undefined;

  attach(events: LinkEvents): void {
    this.events = events;
  }
  send(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    if (frame !== undefined) this.frames.push(frame);
  }
  close(): void {
    this.ended = "close";
  }
  destroy(): void {
    this.ended = "destroy";
  }
  /** The kinds and ids of what was sent since the last look. */
  sent(): string[] {
    return this.frames.splice(0).map(({ kind, id }) => `${kind} ${id}`);
  }
  block(blocked: boolean): void {
    this.bufferedBytes = blocked ? 2 ** 30 : 0;
    if (!blocked) this.events?.drained();
  }
  receive(frame: Partial<Frame> & Pick<Frame, "kind">): void {
    this.events?.frame(encodeFrame(frame));
  }
}

const limits = transportLimits({ frameBytesMax: 1024, bulkWindowBytes: 4096 });
const named = (name: string, body: unknown): Uint8Array => encodeNamed(name, body, 10_000);
let link: RecordingLink;
let messages: Uint8Array[];
let closed: CloseReason[];
let retired: number;
let connection: Connection;
let clock: ManualClock;
let handlers: ReturnType<typeof handlerTable>;

beforeEach(() => {
  link = new RecordingLink();
  clock = new ManualClock();
  messages = [];
  closed = [];
  retired = 0;
  handlers = handlerTable();
  connection = new Connection({
    link,
    hello: {
      nodeId: nodeId("bravo00000000000000000000"),
      software: "",
      protocolMin: 1,
      protocolMax: 1,
      instance: "i",
      connection: "c",
      closed: [],
      streamWindowBytes: 100_000,
      bulkWindowBytes: 4096,
    },
    protocol: 1,
    dialled: true,
    handlers,
    outbox: {
      get size() {
        return messages.length;
      },
      shift: () => messages.shift(),
    },
    onMessage: () => {},
    onRetired: () => (retired += 1),
    onClosed: (reason) => closed.push(reason),
    clock,
    log: silentLog,
    limits,
  });
  connection.start();
});

describe("a stream that waits for a full link", () => {
  it("is opened before its data, however much urgent goes between", async () => {
    link.block(true);
    for (let count = 0; count < 40; count += 1) messages.push(named("raft", count));
    for (let count = 0; count < 40; count += 1) connection.call("x", count, { timeoutMs: 1000 }).catch(() => {});
    const stream = connection.open("log", undefined, undefined);
    await stream.write("line");
    stream.end();
    link.block(false);
    const sent = link.sent();
    const of = sent.filter((frame) => frame.endsWith(" 81"));
    expect(of).toEqual(["open 81", "data 81", "end 81"]);
  });

  it("that is aborted meanwhile is never heard of", () => {
    link.block(true);
    connection.open("log", undefined, undefined).abort();
    link.block(false);
    expect(link.sent()).toEqual([]);
    expect(connection.counts.streams).toBe(0);
  });

  it("that nobody reads any more is stopped after it was opened", async () => {
    link.block(true);
    const stream = connection.open("log", undefined, undefined);
    await stream[Symbol.asyncIterator]().return?.();
    expect(connection.counts.streams).toBe(1);
    link.block(false);
    expect(link.sent()).toEqual(["open 1", "stop 1"]);
  });
});

describe("a connection that retires", () => {
  it("first ends what it is sending", () => {
    messages.push(new Uint8Array(3000), named("raft", "for the next connection"));
    link.bufferedBytes = 0;
    const original = link.send.bind(link);
    link.send = (bytes) => {
      original(bytes);
      link.bufferedBytes = 2 ** 30;
    };
    connection.pump();
    connection.retire();
    link.receive({ kind: "retire" });
    expect([closed, retired]).toEqual([[], 1]);
    for (let turn = 0; turn < 5; turn += 1) link.block(false);
    expect(closed).toEqual(["idle"]);
    expect(link.ended).toBe("close");
    expect(link.sent()).toEqual(["message 0", "retire 0", "message 0", "message 0"]);
    expect(messages).toHaveLength(1);
  });

  it("first gets what the other side is sending", () => {
    const got: unknown[] = [];
    handlers.messages.register("raft", (_from, message) => got.push(message));
    const whole = named("raft", "x".repeat(900));
    link.receive({ kind: "message", more: true, payload: whole.subarray(0, 600) });
    link.receive({ kind: "retire" });
    expect([closed, retired, link.sent()]).toEqual([[], 1, ["retire 0"]]);
    link.receive({ kind: "message", payload: whole.subarray(600) });
    expect(got).toHaveLength(1);
    expect(closed).toEqual(["idle"]);
  });

  it("waits for the calls on it", async () => {
    const call = connection.call("x", 1, { timeoutMs: 1000 });
    link.receive({ kind: "retire" });
    expect(connection.usable).toBe(false);
    link.receive({ kind: "response", id: 1, payload: new Uint8Array([7]) });
    expect(await call).toBe(7);
    expect(closed).toEqual(["idle"]);
  });
});

describe("what arrives too late", () => {
  it("is ignored", async () => {
    const call = connection.call("x", 1, { timeoutMs: 100 });
    const outcome = call.catch((error: unknown) => error);
    await clock.advance(100);
    expect(await outcome).toMatchObject({ code: "timeout" });
    link.receive({ kind: "response", id: 1, payload: new Uint8Array([7]) });
    for (const kind of ["failure", "data", "credit", "end", "stop", "cancel"] as const) {
      link.receive({ kind, id: 1, payload: new Uint8Array([7, 7, 7, 7]) });
    }
    expect(closed).toEqual([]);
    expect(link.sent()).toEqual(["request 1", "cancel 1"]);
  });

  it("does nothing after the end", async () => {
    const call = connection.call("x", 1, { timeoutMs: 100 });
    const outcome = call.catch((error: unknown) => error);
    link.events?.closed();
    expect(await outcome).toMatchObject({ code: "unavailable" });
    expect(closed).toEqual(["lost"]);
    link.receive({ kind: "ping" });
    connection.retire();
    connection.close("closed");
    expect(link.sent()).toEqual(["request 1"]);
    expect(() => connection.call("x", 1, { timeoutMs: 100 })).toThrow(/has just ended/);
    expect(clock.pending).toBe(0);
  });
});
