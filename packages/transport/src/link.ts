import type { ClusterError, NodeId } from "@murmur/base";
import type { Hello } from "./hello.ts";
import type { JoinDesk } from "./join-desk.ts";

/** Why a link or a connection ended. */
export type CloseReason =
  /** The socket was closed or reset: the other process has ended, or refuses. */
  | "lost"
  /** Nothing was heard for too long: the host or the way to it is gone. */
  | "silent"
  /** Both sides agreed to close what nobody used, or what a second connection made superfluous. */
  | "idle"
  /** The other side's transport was closed in good order. */
  | "left"
  /** This side's transport was closed. */
  | "closed"
  /** The other side broke the protocol. */
  | "violation";

/** What a link tells its owner. Nothing is called before `attach`, nor after `closed`. */
export interface LinkEvents {
  frame(bytes: Uint8Array): void;
  /** `bufferedBytes` has shrunk. */
  drained(): void;
  closed(): void;
}

/** A reliable ordered pipe of frames to one peer: a WebSocket, or a simulated one. */
export interface Link {
  /** What was sent and hasn't left this process. */
  readonly bufferedBytes: number;
  attach(events: LinkEvents): void;
  /** Queues a frame; never throws, never calls an event before it returns. Does nothing once closed. */
  send(frame: Uint8Array): void;
  /** Sends what is queued, then closes; within a second at the latest. `closed` is not called. */
  close(): void;
  /** Closes at once. `closed` is not called. */
  destroy(): void;
}

/** A link whose other end has said hello. */
export interface Dialled {
  readonly link: Link;
  readonly hello: Hello;
}

/** A link that a verified peer asks for. Exactly one of the two functions is called, before the callback returns. */
export interface Incoming {
  readonly from: NodeId;
  readonly hello: Hello;
  accept(own: Hello, established: (link: Link) => void): void;
  refuse(error: ClusterError): void;
}

/** Makes links: the real adapter over TLS, or the simulated network. */
export interface Connector extends AsyncDisposable {
  /** Where peers reach this node: "host:port". */
  readonly address: string;
  /** Dials a peer. Rejects with a `ClusterError` in one clear line; with the signal's reason when aborted. */
  dial(to: NodeId, address: string, options: { own: Hello; signal: AbortSignal }): Promise<Dialled>;
  /** Starts to take in what others dial, and requests of joining nodes. */
  listen(accept: (incoming: Incoming) => void, joins: JoinDesk): void;
  identityChanged(): void;
}
