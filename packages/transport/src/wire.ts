import type { Clock, Log, NodeId } from "@murmur/base";
import type { FrameKind } from "./frame.ts";
import type { TransportLimits } from "./limits.ts";
import type { BulkSource, OutgoingItem } from "./outgoing-item.ts";

/** What calls and streams need of the connection that carries them. */
export interface Wire {
  readonly peer: NodeId;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransportLimits;
  /** What the other side said it takes in on a stream before its reader does. */
  readonly streamCreditBytes: number;
  /** Sends a frame ahead of everything else. */
  control(kind: FrameKind, id: number, payload?: Uint8Array): void;
  item(item: OutgoingItem): void;
  bulk(source: BulkSource): void;
  /** A call or stream has ended; a retiring connection may now close. */
  ended(): void;
}
