import { assert, type NodeId } from "@murmur/base";
import type { SnapshotAnswer, SnapshotChunk, SnapshotContent, SnapshotOffer } from "./snapshot-transfer.ts";
import type { Term } from "./types.ts";

export interface SnapshotSenderOptions extends SnapshotContent {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  /** Bytes of a full chunk. */
  readonly chunkBytes: number;
  /** Chunks that may be unanswered. */
  readonly windowChunks: number;
  /** Ticks without an answer that helps after which what is unanswered is sent again. */
  readonly retryTicks: number;
  /** Ticks without an answer that helps after which the transfer has failed. */
  readonly giveUpTicks: number;
}

/** What the driver does next: send the message, or read these bytes and send them with `chunk`. */
export type SenderStep =
  | { readonly kind: "send"; readonly message: SnapshotOffer }
  | { readonly kind: "read"; readonly offset: number; readonly length: number };

type State =
  | { readonly kind: "offering"; sent: boolean }
  /** Invariant: acked <= next <= totalBytes; at most a window lies between. */
  | { readonly kind: "streaming"; acked: number; next: number }
  | { readonly kind: "finished" }
  | { readonly kind: "failed" };

/** One transfer of a snapshot's bytes to one node. It never holds the bytes: it says which ones to read. */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  #state: State = { kind: "offering", sent: false };
  #silentTicks = 0;

  constructor(options: SnapshotSenderOptions) {
    assert(options.totalBytes > 0, "a snapshot has bytes");
    assert(options.chunkBytes > 0 && options.windowChunks > 0, "a window holds at least one byte");
    assert(options.giveUpTicks > options.retryTicks && options.retryTicks > 0, "a transfer is retried before it fails");
    this.#options = options;
  }

  /** `running` until the receiver has everything, or has not answered for too long. */
  get outcome(): "running" | "finished" | "failed" {
    return this.#state.kind === "finished" || this.#state.kind === "failed" ? this.#state.kind : "running";
  }

  /** Bytes that the receiver is known to have. */
  get acknowledgedBytes(): number {
    if (this.#state.kind === "finished") return this.#options.totalBytes;
    return this.#state.kind === "streaming" ? this.#state.acked : 0;
  }

  /** What to do now; undefined while the window is full and when the transfer has ended. */
  next(): SenderStep | undefined {
    const { meta, totalBytes, content, chunkBytes, windowChunks } = this.#options;
    const state = this.#state;
    if (state.kind === "offering" && !state.sent) {
      state.sent = true;
      return { kind: "send", message: { kind: "snapshotOffer", ...this.#envelope(), meta, totalBytes, content } };
    }
    if (state.kind !== "streaming") return undefined;
    const offset = state.next;
    const end = Math.min(offset + chunkBytes, totalBytes, state.acked + windowChunks * chunkBytes);
    if (end <= offset) return undefined;
    state.next = end;
    return { kind: "read", offset, length: end - offset };
  }

  /** The message that carries the bytes which `next` asked to read. */
  chunk(offset: number, data: Uint8Array): SnapshotChunk {
    assert(offset + data.byteLength <= this.#options.totalBytes, "a chunk lies within the snapshot");
    return { kind: "snapshotChunk", ...this.#envelope(), content: this.#options.content, offset, data };
  }

  /** Takes in an answer; those that belong to another transfer are ignored. */
  answered(answer: SnapshotAnswer): void {
    if (answer.from !== this.#options.to || answer.content !== this.#options.content) return;
    if (this.outcome !== "running") return;
    const received = Math.min(Math.max(0, answer.received), this.#options.totalBytes);
    switch (answer.state) {
      case "complete":
        this.#state = { kind: "finished" };
        return;
      case "unknown":
        if (this.#state.kind === "streaming") this.#state = { kind: "offering", sent: false };
        return;
      case "receiving":
        this.#receiving(received);
    }
  }

  #receiving(received: number): void {
    const state = this.#state;
    if (state.kind !== "streaming") {
      this.#state = { kind: "streaming", acked: received, next: received };
      this.#silentTicks = 0;
      return;
    }
    if (received <= state.acked) return;
    state.acked = received;
    state.next = Math.max(state.next, received);
    this.#silentTicks = 0;
  }

  /** Lets one tick pass. */
  tick(): void {
    if (this.outcome !== "running") return;
    this.#silentTicks += 1;
    if (this.#silentTicks >= this.#options.giveUpTicks) this.#state = { kind: "failed" };
    // The offer is the cheapest question: its answer says from where to go on, whatever was lost.
    else if (this.#silentTicks % this.#options.retryTicks === 0) this.#state = { kind: "offering", sent: false };
  }

  #envelope(): { from: NodeId; to: NodeId; term: Term } {
    const { from, to, term } = this.#options;
    return { from, to, term };
  }
}
