import type { NodeId } from "@murmur/base";
import type { SnapshotMeta, Term } from "./types.ts";

/** What is being sent. Two nodes' snapshots of one position may differ in bytes: `content` tells them apart. */
export interface SnapshotContent {
  readonly meta: SnapshotMeta;
  readonly totalBytes: number;
  /** Names the exact bytes, best their digest. A transfer is resumed only when it is the same. */
  readonly content: string;
}

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term when it began. */
  readonly term: Term;
}

/** Opens a transfer, or opens it again after a break. */
export interface SnapshotOffer extends Envelope, SnapshotContent {
  readonly kind: "snapshotOffer";
}

export interface SnapshotChunk extends Envelope {
  readonly kind: "snapshotChunk";
  readonly content: string;
  readonly offset: number;
  /** At most the sender's `chunkBytes`. */
  readonly data: Uint8Array;
}

/** Answers an offer and each chunk. */
export interface SnapshotAnswer extends Envelope {
  readonly kind: "snapshotAnswer";
  readonly content: string;
  /** The receiver has all bytes before this offset. */
  readonly received: number;
  /** `unknown`: the receiver has no such transfer open, and needs an offer. */
  readonly state: "receiving" | "complete" | "unknown";
}

/** What two nodes say to each other about the bytes of a snapshot; beside `Message`, which the cores exchange. */
export type TransferMessage = SnapshotOffer | SnapshotChunk | SnapshotAnswer;
