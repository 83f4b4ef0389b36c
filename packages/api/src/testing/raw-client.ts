import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A client that sends what it likes over a socket of its own, and reads only when it is told to. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  /** What came, as far as it was read; at most `KEPT_MAX` of it. */
  text = "";
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.once("close", () => (this.#isClosed = true));
  }

  static async open(socketPath: string): Promise<RawClient> {
    for (let tries = 1; ; tries += 1) {
      const socket = connect(socketPath);
      socket.pause();
      const client = new RawClient(socket);
      try {
        await once(socket, "connect");
        return client;
      } catch (error) {
        // The kernel's queue of connections that wait to be accepted is full: others want some, too.
        if (tries === TRIES_MAX) throw error;
        await sleep(TRY_AGAIN_MS);
      }
    }
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Reads from now on. */
  read(): void {
    this.socket.on("data", (piece: Buffer) => {
      if (this.text.length < KEPT_MAX) this.text += piece.toString("latin1");
    });
    this.socket.resume();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

const KEPT_MAX = 64 * 1024;
const TRIES_MAX = 1_200;
const TRY_AGAIN_MS = 50;
