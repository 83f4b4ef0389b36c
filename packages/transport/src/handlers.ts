import { assert, type NodeId } from "@murmur/base";
import type { PeerStream } from "./peer-stream.ts";

/** Takes a channel's messages. Called in their order; must return at once; what it throws is logged. */
export type MessageHandler = (from: NodeId, message: unknown) => void;
/** Answers a call. The signal is aborted when the caller gives up or its connection is lost. */
export type CallHandler = (from: NodeId, body: unknown, options: { signal: AbortSignal }) => Promise<unknown>;
/** Serves a stream; when it returns, what it wrote is sent and the stream ends. */
export type StreamHandler = (from: NodeId, body: unknown, stream: PeerStream) => Promise<void>;
/** Answers a node that has no certificate. */
export type JoinHandler = (remoteAddress: string, body: unknown) => Promise<unknown>;

/** Handlers of one kind by name: one for each, until it is disposed of. */
export class Handlers<H> {
  readonly #byName = new Map<string, H>();

  get(name: string): H | undefined {
    return this.#byName.get(name);
  }

  register(name: string, handler: H): Disposable {
    assert(!this.#byName.has(name), `"${name}" has one handler`);
    this.#byName.set(name, handler);
    return { [Symbol.dispose]: () => void this.#byName.delete(name) };
  }
}

/** All that the peers can reach on this node. */
export interface HandlerTable {
  readonly messages: Handlers<MessageHandler>;
  readonly calls: Handlers<CallHandler>;
  readonly streams: Handlers<StreamHandler>;
}

export const handlerTable = (): HandlerTable => ({
  messages: new Handlers(),
  calls: new Handlers(),
  streams: new Handlers(),
});
