import type { NodeId } from "@murmur/base";

/**
 * What one member says about another, or about itself (`alive`, `left`). A claim holds for one incarnation of its
 * subject; only the subject itself ever raises its incarnation.
 */
export type Claim = AliveClaim | SuspectClaim | DeadClaim | LeftClaim;

export interface AliveClaim {
  readonly kind: "alive";
  readonly id: NodeId;
  readonly incarnation: number;
  /** Where its datagrams and its reliable channel are reached; the driver knows the form. */
  readonly address: string;
  /** Opaque, at most META_BYTES_MAX. */
  readonly meta: Uint8Array;
}

export interface SuspectClaim {
  readonly kind: "suspect";
  readonly id: NodeId;
  readonly incarnation: number;
  /** Whose probe failed; confirmations count once an accuser. */
  readonly from: NodeId;
}

export interface DeadClaim {
  readonly kind: "dead";
  readonly id: NodeId;
  readonly incarnation: number;
  readonly from: NodeId;
}

export interface LeftClaim {
  readonly kind: "left";
  readonly id: NodeId;
  readonly incarnation: number;
}
