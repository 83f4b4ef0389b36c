import type { Millis, NodeId } from "@murmur/base";
import type { MemberState } from "./member.ts";
import type { Publication } from "./packet.ts";

/** What one node knows about one member, as told to another. */
export interface Snapshot {
  readonly id: NodeId;
  readonly state: MemberState;
  readonly incarnation: number;
  readonly address: string;
  readonly meta: Uint8Array;
  /** Of address and meta, which may be older than the state. */
  readonly contentIncarnation: number;
  /** For how long it has been in its state; lets the memory of the dead end everywhere at about the same time. */
  readonly ageMs: Millis;
  /** The highest sequence number seen of its publications. */
  readonly published: number;
}

/**
 * A message of a state exchange (push-pull): A sends all that it knows in requests, B answers the last one with all that
 * it knows. Each message can be merged alone, in any order, and any of them may get lost.
 */
export interface Exchange {
  readonly kind: "request" | "reply";
  readonly from: NodeId;
  /** Where `from` is reached, for the reply. */
  readonly address: string;
  /** Whether the asker knew nobody: what it learns is news to it alone. */
  readonly joining: boolean;
  /** The last message of its kind; a request is answered then. */
  readonly last: boolean;
  readonly members: readonly Snapshot[];
  readonly publications: readonly Publication[];
}
