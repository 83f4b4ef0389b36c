import { unreachable, type NodeId } from "@murmur/base";
import type { InstallSnapshot } from "./messages.ts";
import type { SnapshotAnswer, SnapshotChunk, SnapshotContent, SnapshotOffer } from "./snapshot-transfer.ts";

/**
 * What the driver does with a message.
 * - answer: sends it.
 * - begin: drops what it has of an older transfer, makes room for `content.totalBytes`, then sends the answer.
 * - write: writes the bytes at `offset`, then calls `written`. Writes come in order and without gaps.
 */
export type ReceiverStep =
  | { readonly kind: "answer"; readonly answer: SnapshotAnswer }
  | { readonly kind: "begin"; readonly content: SnapshotContent; readonly answer: SnapshotAnswer }
  | { readonly kind: "write"; readonly content: string; readonly offset: number; readonly data: Uint8Array };

/** After a write: what to send; with the last bytes also the message for the core, once the bytes are durable. */
export interface Written {
  readonly answer: SnapshotAnswer;
  readonly complete: InstallSnapshot | undefined;
}

interface Incoming {
  /** The newest offer of this content: it names whom to answer. */
  offer: SnapshotOffer;
  /** All bytes before are written. */
  received: number;
  /** All bytes before were given out to be written. Invariant: received <= accepted <= totalBytes. */
  accepted: number;
}

export interface SnapshotReceiverOptions {
  readonly id: NodeId;
  /** Larger snapshots are refused: they would fill the disk. */
  readonly maxBytes: number;
}

/**
 * Assembles one incoming snapshot at a time, in order, without holding its bytes. An offer of the same content, from
 * whomever, goes on where the transfer stopped; another one replaces it, unless its sender's term is older.
 */
export class SnapshotReceiver {
  readonly #id: NodeId;
  readonly #maxBytes: number;
  #incoming: Incoming | undefined;

  constructor(options: SnapshotReceiverOptions) {
    this.#id = options.id;
    this.#maxBytes = options.maxBytes;
  }

  /** What is being received, or was received last. */
  get incoming(): SnapshotContent | undefined {
    return this.#incoming?.offer;
  }

  /** Takes in an offer or a chunk. */
  step(message: SnapshotOffer | SnapshotChunk): ReceiverStep {
    switch (message.kind) {
      case "snapshotOffer":
        return this.#offer(message);
      case "snapshotChunk":
        return this.#chunk(message);
      default:
        return unreachable(message);
    }
  }

  /** The bytes of this content before `end` are written. Undefined when another transfer has replaced it since. */
  written(content: string, end: number): Written | undefined {
    const incoming = this.#incoming;
    if (incoming?.offer.content !== content || end > incoming.accepted || end <= incoming.received) return undefined;
    incoming.received = end;
    const { from, to, term, meta: snapshot, totalBytes } = incoming.offer;
    const complete: InstallSnapshot | undefined =
      end === totalBytes ? { kind: "snapshot", from, to, term, snapshot } : undefined;
    return { answer: this.#answer(incoming.offer, incoming), complete };
  }

  /** A write failed, or the assembled bytes are not what `content` names: starts over with the next offer. */
  drop(): void {
    this.#incoming = undefined;
  }

  #offer(offer: SnapshotOffer): ReceiverStep {
    const incoming = this.#incoming;
    if (incoming?.offer.content === offer.content && incoming.offer.totalBytes === offer.totalBytes) {
      if (offer.term >= incoming.offer.term) incoming.offer = offer;
      return { kind: "answer", answer: this.#answer(offer, incoming) };
    }
    const stale = incoming !== undefined && offer.term < incoming.offer.term;
    if (stale || offer.totalBytes < 1 || offer.totalBytes > this.#maxBytes) {
      return { kind: "answer", answer: this.#answer(offer, undefined) };
    }
    this.#incoming = { offer, received: 0, accepted: 0 };
    return { kind: "begin", content: offer, answer: this.#answer(offer, this.#incoming) };
  }

  #chunk(chunk: SnapshotChunk): ReceiverStep {
    const incoming = this.#incoming;
    if (incoming?.offer.content !== chunk.content) {
      return { kind: "answer", answer: this.#answer(chunk, undefined) };
    }
    const end = chunk.offset + chunk.data.byteLength;
    const fits = chunk.offset === incoming.accepted && end > chunk.offset && end <= incoming.offer.totalBytes;
    if (!fits) return { kind: "answer", answer: this.#answer(chunk, incoming) };
    incoming.accepted = end;
    return { kind: "write", content: chunk.content, offset: chunk.offset, data: chunk.data };
  }

  #answer(message: SnapshotOffer | SnapshotChunk, incoming: Incoming | undefined): SnapshotAnswer {
    const { from: to, term, content } = message;
    const base = { kind: "snapshotAnswer", from: this.#id, to, term, content } as const;
    if (incoming === undefined) return { ...base, received: 0, state: "unknown" };
    const complete = incoming.received === incoming.offer.totalBytes;
    return { ...base, received: incoming.received, state: complete ? "complete" : "receiving" };
  }
}
