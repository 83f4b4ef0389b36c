import type { TLSSocket } from "node:tls";
import type { RawData, WebSocket } from "ws";
import type { Link, LinkEvents } from "./link.ts";

/** How long the other side may keep a closing connection open without a word. */
export const CLOSE_TIMEOUT_MS = 1000;

/** A link over an open WebSocket. */
export class WebSocketLink implements Link {
  readonly #socket: TLSSocket;
  readonly #webSocket: WebSocket;
  #events: LinkEvents | undefined;
  #state: "open" | "lost" | "closed" = "open";
  #corked = false;

  constructor(webSocket: WebSocket, socket: TLSSocket) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    // Frames wait in the kernel until somebody takes them in.
    webSocket.pause();
    webSocket.on("message", (data, isBinary) => this.#message(data, isBinary));
    for (const event of ["error", "close"] as const) webSocket.on(event, () => this.#lost());
    // The socket's end is known before the WebSocket has closed in good order, which a killed process never does.
    for (const event of ["end", "close", "error"] as const) socket.on(event, () => this.#lost());
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
    if (this.#state === "lost") return this.#tellLost();
    this.#webSocket.resume();
  }

  send(frame: Uint8Array): void {
    if (this.#state !== "open") return;
    // All frames of one turn go to the kernel together.
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#webSocket.send(frame, this.#onFlushed);
  }

  close(): void {
    if (this.#state === "open") {
      this.#webSocket.close(1000);
      this.#socket.setTimeout(CLOSE_TIMEOUT_MS, () => this.#socket.destroy());
    }
    this.#state = "closed";
  }

  destroy(): void {
    this.#state = "closed";
    this.#webSocket.terminate();
  }

  readonly #onFlushed = (): void => {
    if (this.#state === "open") this.#events?.drained();
  };

  #message(data: RawData, isBinary: boolean): void {
    if (this.#state !== "open") return;
    if (!isBinary || !(data instanceof Uint8Array)) return this.#lost();
    this.#events?.frame(data);
  }

  #lost(): void {
    if (this.#state !== "open") return;
    this.#state = "lost";
    this.#webSocket.terminate();
    if (this.#events !== undefined) this.#tellLost();
  }

  /** Not from within `attach`, nor from within a call of the socket's. */
  #tellLost(): void {
    queueMicrotask(() => {
      if (this.#state !== "lost") return;
      this.#state = "closed";
      this.#events?.closed();
    });
  }
}
