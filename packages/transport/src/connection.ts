import { messageOf, unreachable, type Clock, type Log, type Millis, type NodeId } from "@murmur/base";
import { Assembler, violation } from "./assembler.ts";
import { transportError } from "./call-fate.ts";
import { decodeNamed } from "./codec.ts";
import { decodeFrame, encodeCount, encodeFrame, readCount, type Frame, type FrameKind } from "./frame.ts";
import type { HandlerTable } from "./handlers.ts";
import type { Hello } from "./hello.ts";
import { IncomingCalls } from "./incoming-calls.ts";
import { KeepAlive } from "./keep-alive.ts";
import type { TransportLimits } from "./limits.ts";
import type { CloseReason, Link } from "./link.ts";
import { OutgoingCalls, type CallOptions } from "./outgoing-calls.ts";
import type { BulkSource, OutgoingItem } from "./outgoing-item.ts";
import type { PeerStream } from "./peer-stream.ts";
import { SendLanes, type MessageSource } from "./send-lanes.ts";
import { Streams } from "./streams.ts";
import type { Wire } from "./wire.ts";

export interface ConnectionOptions {
  readonly link: Link;
  /** What the other side said. */
  readonly hello: Hello;
  /** The version of the wire protocol that both sides speak here. */
  readonly protocol: number;
  /** Whether this side dialled. */
  readonly dialled: boolean;
  readonly handlers: HandlerTable;
  readonly outbox: MessageSource;
  /** Counts a message that arrived, also one that nobody takes. */
  readonly onMessage: (channel: string, bytes: number) => void;
  /** One of the two sides starts nothing new here. Called once, unless the connection ends before. */
  readonly onRetired: () => void;
  /** The connection has ended by itself; not called after `close`. */
  readonly onClosed: (reason: CloseReason) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransportLimits;
}

/** Messages, calls and streams over one link. */
export class Connection implements Wire {
  readonly peer: NodeId;
  readonly hello: Hello;
  readonly protocol: number;
  readonly dialled: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransportLimits;
  readonly streamCreditBytes: number;
  readonly #options: ConnectionOptions;
  readonly #link: Link;
  readonly #lanes: SendLanes;
  readonly #assembler: Assembler;
  readonly #outgoing: OutgoingCalls;
  readonly #incoming: IncomingCalls;
  readonly #streams: Streams;
  readonly #keepAlive: KeepAlive;
  /** The last exchange id of this side: odd for the side that dialled, even for the other. */
  #lastId: number;
  #untoldBulkBytes = 0;
  #usedAt: Millis;
  #retired = { own: false, other: false };
  #closed = false;
  #pumping = false;

  constructor(options: ConnectionOptions) {
    const { hello, limits, clock, link, handlers } = options;
    this.#options = options;
    this.#link = link;
    this.peer = hello.nodeId;
    this.hello = hello;
    this.protocol = options.protocol;
    this.dialled = options.dialled;
    this.clock = clock;
    this.log = options.log;
    this.limits = limits;
    this.streamCreditBytes = hello.streamWindowBytes;
    this.#lanes = new SendLanes(options.outbox, { limits, bulkWindowBytes: hello.bulkWindowBytes });
    this.#assembler = new Assembler({
      itemBytesMax: limits.messageBytesMax,
      totalBytesMax: 2 * limits.callBytesMax + limits.messageBytesMax,
    });
    this.#outgoing = new OutgoingCalls(this);
    this.#incoming = new IncomingCalls(this, handlers.calls);
    this.#streams = new Streams(this, handlers.streams);
    this.#lastId = options.dialled ? -1 : 0;
    this.#usedAt = clock.monotonic();
    this.#keepAlive = new KeepAlive({
      clock,
      pingMs: limits.pingMs,
      silenceMs: limits.silenceMs,
      ping: () => this.#ping(),
      silent: () => this.#fail("silent"),
    });
  }

  /** Begins to take frames in. */
  start(): void {
    this.#link.attach({
      frame: (bytes) => this.#receive(bytes),
      drained: () => this.pump(),
      closed: () => this.#fail("lost"),
    });
    this.pump();
  }

  /** Calls and streams under way, in both directions. */
  get counts(): { callsOut: number; callsIn: number; streams: number } {
    return { callsOut: this.#outgoing.size, callsIn: this.#incoming.size, streams: this.#streams.size };
  }

  /** Whether this side may start something new here. */
  get usable(): boolean {
    return !this.#closed && !this.#retired.own && !this.#retired.other;
  }

  call(method: string, body: unknown, options: CallOptions & { timeoutMs: Millis }): Promise<unknown> {
    return this.#outgoing.start(this.#nextId(), method, { ...options, body });
  }

  open(method: string, body: unknown, signal: AbortSignal | undefined): PeerStream {
    return this.#streams.start(this.#nextId(), method, { body, signal });
  }

  /** Starts nothing new here; closes once both sides do and all that is under way has ended. */
  retire(): void {
    if (this.#closed || this.#retired.own) return;
    this.#retired.own = true;
    this.#lanes.takeNoMessages();
    this.control("retire", 0);
    if (!this.#retired.other) this.#options.onRetired();
    this.ended();
  }

  /** Closes at once. Tells the other side when `reason` is `closed`. `onClosed` is not called. */
  close(reason: CloseReason): void {
    if (this.#closed) return;
    if (reason === "closed") this.control("bye", 0);
    this.#end(reason);
  }

  control(kind: FrameKind, id: number, payload?: Uint8Array): void {
    if (this.#closed) return;
    const frame = encodeFrame(payload === undefined ? { kind, id } : { kind, id, payload });
    if (this.#lanes.control(frame)) return this.pump();
    this.log.warn("closing a connection: the peer takes no frames", { peer: this.peer });
    this.#fail("violation");
  }

  item(item: OutgoingItem): void {
    if (this.#closed) return;
    this.#lanes.item(item);
    this.pump();
  }

  bulk(source: BulkSource): void {
    if (this.#closed) return;
    this.#lanes.bulk(source);
    this.pump();
  }

  ended(): void {
    if (this.#closed || !this.#retired.own || !this.#retired.other) return;
    const { callsOut, callsIn, streams } = this.counts;
    if (callsOut + callsIn + streams + this.#assembler.unfinished > 0 || this.#lanes.busy) return;
    this.#fail("idle");
  }

  /** Sends what may be sent; called whenever that may have changed. */
  pump(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.#link.send(frame);
    this.#pumping = false;
    if (this.#retired.own) this.ended();
  }

  #next(): Uint8Array | undefined {
    return this.#closed ? undefined : this.#lanes.next(this.#link.bufferedBytes);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#keepAlive.heard();
    try {
      const frame = decodeFrame(bytes);
      if (frame === undefined || bytes.length > this.limits.frameBytesMax) throw violation("sent what is no frame");
      if (frame.bulk) this.#bulkArrived(bytes.length);
      this.#dispatch(frame);
      this.ended();
    } catch (error) {
      this.log.warn("closing a connection", { peer: this.peer, error: messageOf(error) });
      this.#fail("violation");
    }
  }

  #dispatch(frame: Frame): void {
    switch (frame.kind) {
      case "ping":
        return this.control("pong", 0);
      case "pong":
        return;
      case "received":
        this.#lanes.arrived(readCount(frame.payload));
        return this.pump();
      case "retire":
        return this.#otherRetires();
      case "bye":
        return this.#fail("left");
      case "cancel":
        this.#assembler.drop(frame.id);
        return this.#incoming.cancel(frame.id);
      case "failure":
        this.#assembler.drop(frame.id);
        if (this.#outgoing.has(frame.id)) return this.#outgoing.failed(frame.id, frame.payload);
        return this.#streams.failed(frame);
      case "message":
      case "request":
      case "open":
      case "response":
        return this.#dispatchChunk(frame, frame.kind);
      case "data":
      case "end":
      case "stop":
      case "credit":
        this.#usedAt = this.clock.monotonic();
        return this.#streams.take(frame, frame.kind);
      default:
        return unreachable(frame.kind);
    }
  }

  #dispatchChunk(frame: Frame, kind: "message" | "request" | "open" | "response"): void {
    this.#usedAt = this.clock.monotonic();
    const item = this.#assembler.add(frame);
    if (item === undefined) return;
    const { id } = frame;
    if (kind === "message") return this.#message(item);
    if (kind === "response") return this.#outgoing.responded(id, item);
    if (id % 2 !== (this.dialled ? 0 : 1) || this.#incoming.has(id) || this.#streams.has(id)) {
      throw violation("reused an id");
    }
    if (kind === "request") this.#incoming.request(id, item);
    else this.#streams.request(id, item);
  }

  #message(payload: Uint8Array): void {
    const { name, body } = decodeNamed(payload);
    this.#options.onMessage(name, payload.length);
    try {
      this.#options.handlers.messages.get(name)?.(this.peer, body);
    } catch (error) {
      this.log.error("a message's handler failed", { channel: name, error: messageOf(error) });
    }
  }

  #bulkArrived(bytes: number): void {
    this.#untoldBulkBytes += bytes;
    if (this.#untoldBulkBytes < this.limits.bulkWindowBytes / 4) return;
    this.control("received", 0, encodeCount(this.#untoldBulkBytes));
    this.#untoldBulkBytes = 0;
  }

  #otherRetires(): void {
    if (this.#retired.other) return;
    this.#retired.other = true;
    if (this.#retired.own) return this.ended();
    this.#options.onRetired();
    this.retire();
  }

  #ping(): void {
    const { callsOut, callsIn, streams } = this.counts;
    const idle = this.clock.monotonic() - this.#usedAt >= this.limits.idleMs;
    if (idle && callsOut + callsIn + streams === 0) this.retire();
    this.control("ping", 0);
  }

  /** Even and odd stay so when the ids wrap around; 0 belongs to no exchange. */
  #nextId(): number {
    if (this.#closed) throw transportError("unavailable", `the connection to node ${this.peer} has just ended`, false);
    this.#usedAt = this.clock.monotonic();
    do this.#lastId = (this.#lastId + 2) % 2 ** 32;
    while (this.#lastId === 0 || this.#outgoing.has(this.#lastId) || this.#streams.has(this.#lastId));
    return this.#lastId;
  }

  #fail(reason: CloseReason): void {
    if (this.#closed) return;
    this.#end(reason);
    this.#options.onClosed(reason);
  }

  #end(reason: CloseReason): void {
    this.#closed = true;
    this.#keepAlive.stop();
    if (reason === "closed" || reason === "idle") this.#link.close();
    else this.#link.destroy();
    const message = `the connection to node ${this.peer} ended: ${CLOSE_REASON_TEXT[reason]}`;
    this.#outgoing.lost(message);
    this.#incoming.lost(message);
    this.#streams.lost(message);
  }
}

const CLOSE_REASON_TEXT: Readonly<Record<CloseReason, string>> = {
  lost: "the peer closed it or its process ended",
  silent: "the peer was not heard for too long",
  idle: "nobody used it",
  left: "the peer is shutting down",
  closed: "this node is shutting down",
  violation: "the peer broke the protocol",
};
