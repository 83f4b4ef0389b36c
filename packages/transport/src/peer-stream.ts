import { ClusterError, unreachable, type NodeId } from "@murmur/base";
import { transportError } from "./call-fate.ts";
import { decodeError, decodeMessage, encodeError, encodeMessage } from "./codec.ts";
import { readCount, type Frame } from "./frame.ts";
import type { OutgoingItem } from "./outgoing-item.ts";
import { StreamReceiver } from "./stream-receiver.ts";
import { StreamSender } from "./stream-sender.ts";
import type { Wire } from "./wire.ts";

/**
 * A conversation with a peer: messages in both directions, in order. `for await (const message of stream)` reads until
 * the other side has written its last; leaving the loop early tells it to stop. Disposing of it aborts what isn't done.
 */
export interface PeerStream extends AsyncIterable<unknown>, AsyncDisposable {
  readonly peer: NodeId;
  /** Aborted when the stream failed, or the other side reads no more. */
  readonly signal: AbortSignal;
  /**
   * Writes a message; resolves when there is room for the next. Rejects when the stream failed (with its error), when the
   * other side reads no more (`cancelled`), and for a message that is too large (`invalid_argument`).
   */
  write(message: unknown): Promise<void>;
  /** Writes no more: the other side's loop ends after what was written. Reading goes on. */
  end(): void;
  /** Ends both directions at once; the other side gets the error. */
  abort(error?: ClusterError): void;
}

export interface StreamEndOptions {
  /** The request that opens the stream, when this side opens it. */
  readonly opening?: OutgoingItem;
  /** Neither side will send anything more that matters. Called once. */
  readonly onEnded: () => void;
}

/** The frames of a stream's middle. */
export type StreamFrameKind = "data" | "credit" | "end" | "stop";

/** One end of a stream on a connection. */
export class StreamEnd implements PeerStream {
  readonly peer: NodeId;
  readonly #id: number;
  readonly #wire: Wire;
  readonly #opening: OutgoingItem | undefined;
  readonly #sender: StreamSender;
  readonly #receiver: StreamReceiver;
  readonly #controller = new AbortController();
  readonly #onEnded: () => void;
  #ended = false;

  constructor(id: number, wire: Wire, options: StreamEndOptions) {
    this.peer = wire.peer;
    this.#id = id;
    this.#wire = wire;
    this.#opening = options.opening;
    this.#onEnded = options.onEnded;
    const released = options.opening === undefined;
    this.#sender = new StreamSender(id, wire, { released, onEnded: () => this.#settle() });
    this.#receiver = new StreamReceiver(id, wire);
    if (options.opening !== undefined) options.opening.onSent = () => this.#opened();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async write(message: unknown): Promise<void> {
    await this.#sender.write(encodeMessage(message, this.#wire.limits.messageBytesMax));
  }

  end(): void {
    this.#sender.end();
  }

  abort(error: ClusterError = new ClusterError("cancelled", "the stream was aborted")): void {
    if (this.#ended) return;
    if (this.#isOpened) this.#wire.control("failure", this.#id, encodeError(error));
    this.#breakOff(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: async () => {
        const bytes = await this.#receiver.next();
        return bytes === undefined ? { done: true, value: undefined } : { done: false, value: decodeMessage(bytes) };
      },
      return: async () => {
        this.#stopReading();
        return { done: true, value: undefined };
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#sender.closing && this.#receiver.ended) return;
    this.abort();
  }

  /** The handler has returned: sends what it wrote, or its error, and reads no more. */
  finish(failure?: unknown): void {
    this.#sender.end(failure === undefined ? undefined : encodeError(failure));
    this.#stopReading();
  }

  /** Takes in a frame of the other side's. Throws a violation. */
  take(frame: Frame, kind: StreamFrameKind): void {
    switch (kind) {
      case "data":
        return this.#receiver.data(frame);
      case "credit":
        return this.#sender.credit(readCount(frame.payload));
      case "end":
        this.#receiver.end();
        return this.#settle();
      case "stop":
        return this.#stopWriting(new ClusterError("cancelled", "the other side reads no more"));
      default:
        return unreachable(kind);
    }
  }

  /** A bulk failure follows the handler's messages; any other breaks the stream off. Throws when it is no error. */
  failed(frame: Frame): void {
    const error = decodeError(frame.payload);
    if (!frame.bulk) return this.#breakOff(error);
    this.#receiver.fail(error);
    this.#stopWriting(error);
  }

  /** The connection has ended. */
  lost(message: string): void {
    this.#breakOff(transportError("unavailable", message, this.#isOpened));
  }

  /** Whether the other side knows of the stream. */
  get #isOpened(): boolean {
    return this.#opening === undefined || this.#opening.sent;
  }

  #opened(): void {
    if (this.#receiver.stopped) this.#wire.control("stop", this.#id);
    this.#sender.release();
  }

  #breakOff(error: ClusterError): void {
    this.#opening?.withdraw();
    this.#receiver.breakOff(error);
    this.#sender.discard(error);
    this.#controller.abort(error);
    this.#settle();
  }

  #stopReading(): void {
    if (this.#receiver.ended) return;
    this.#receiver.stop();
    if (this.#isOpened) this.#wire.control("stop", this.#id);
    this.#settle();
  }

  #stopWriting(error: ClusterError): void {
    this.#sender.discard(error);
    this.#controller.abort(error);
    this.#settle();
  }

  #settle(): void {
    if (this.#ended || !this.#sender.ended || !this.#receiver.ended) return;
    this.#ended = true;
    this.#onEnded();
  }
}
