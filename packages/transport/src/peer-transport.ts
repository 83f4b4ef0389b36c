import type { NodeId } from "@murmur/base";
import type { ChannelStats } from "./channel-stats.ts";
import type { CallHandler, JoinHandler, MessageHandler, StreamHandler } from "./handlers.ts";
import type { CloseReason } from "./link.ts";
import type { CallOptions } from "./outgoing-calls.ts";
import type { PeerStream } from "./peer-stream.ts";

/** Why a peer is down; `idle` says only that nobody used the connection. */
export type PeerDownReason = CloseReason;

export interface TransportStats {
  readonly channels: Readonly<Record<string, ChannelStats>>;
  /** Live connections, retiring ones included. */
  readonly connections: number;
  /** Calls of this node without a result, and calls of others that it is answering. */
  readonly callsOut: number;
  readonly callsIn: number;
  readonly streams: number;
  readonly joins: number;
}

/**
 * How this node speaks with its peers: messages, calls and streams over one connection to each, made on demand.
 *
 * Bodies are JSON-like values with `Uint8Array` (`undefined` and `Date` too; no other classes); what arrives is new and
 * the receiver's own. A body is encoded before the function returns, so it may be changed afterwards. A node doesn't call
 * itself: that is an `invalid_argument`.
 *
 * **Lost connections.** Nothing is sent twice. When a connection is lost, its calls and streams fail with `unavailable`;
 * `wasSent(error)` says whether the peer may have executed the call. Messages in flight may be lost; those that wait are
 * sent over the next connection if that comes at once. When both nodes dial each other at the same time, two connections
 * exist for a moment: calls and streams under way on either end there, new ones take the one that the smaller id dialled.
 * Messages keep their order per peer as long as the connection is the same.
 */
export interface PeerTransport extends AsyncDisposable {
  /** Where peers reach this node: "host:port", as bound. */
  readonly address: string;

  /**
   * Sends a one-way message: best effort, never waits, never throws. False when a message was lost: this one (no
   * connection and the last attempt failed; too large), or older ones that a full outbox gave up for it.
   */
  send(to: NodeId, channel: string, message: unknown): boolean;
  onMessage(channel: string, handler: MessageHandler): Disposable;

  /**
   * Calls a method and waits for its result. Rejects with the handler's `ClusterError`, or with the transport's own:
   * `unavailable`, `timeout`, `cancelled`, `overloaded`, `incompatible_version`, `unauthenticated`, `unsupported` (no such
   * method).
   */
  call(to: NodeId, method: string, body: unknown, options?: CallOptions): Promise<unknown>;
  handle(method: string, handler: CallHandler): Disposable;

  /**
   * Opens a stream. Rejects as `call` does when no connection can be made; what goes wrong later, reading and writing
   * tell. The body has at most 32 KiB. Aborting the signal aborts the stream.
   */
  open(to: NodeId, method: string, body: unknown, options?: { readonly signal?: AbortSignal }): Promise<PeerStream>;
  handleStream(method: string, handler: StreamHandler): Disposable;

  /** Answers nodes that have no certificate yet; the only thing that they can call. Bodies are JSON values. */
  handleJoin(method: string, handler: JoinHandler): Disposable;

  /** Makes a connection if there is none, and keeps trying for a while. */
  connect(to: NodeId): void;
  isUp(id: NodeId): boolean;
  /** The version of the wire protocol that the connection with a peer is spoken in; undefined while there is none. */
  protocolWith(id: NodeId): number | undefined;
  onPeerUp(listener: (id: NodeId) => void): Disposable;
  onPeerDown(listener: (id: NodeId, reason: PeerDownReason) => void): Disposable;

  /** The node's certificate was renewed: new connections use it, existing ones stay. */
  identityChanged(): void;
  stats(): TransportStats;
}
