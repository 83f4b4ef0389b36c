import type { Socket } from "node:net";
import { BoundedQueue, type Clock, type Millis } from "@murmur/base";
import { MESSAGE_BYTES_MIN, MessageReader, withLength } from "./stream.ts";

/** A connection without a whole question for this long is closed (RFC 7766, 6.2.3). */
const IDLE_MS: Millis = 10_000;
/** Questions of one connection that are being answered; the next ones wait, and nothing more is read meanwhile. */
const UNANSWERED_MAX = 64;
/** Answers that an asker leaves lying; beyond it is cut off. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** As many as one chunk of a socket can hold: reading stops at the first that has to wait. */
const WAITING_MAX = Math.ceil((64 * 1024 + 65_537) / (2 + MESSAGE_BYTES_MIN));

type Reply = Buffer | undefined;

export interface StreamServerOptions {
  readonly clock: Clock;
  readonly answer: (message: Buffer) => Reply | Promise<Reply>;
}

/** Answers all questions of one connection, each as soon as it can be (RFC 7766, 6.2.1.1 and 7), until it ends. */
export function serveStream(socket: Socket, { clock, answer }: StreamServerOptions): void {
  const reader = new MessageReader();
  const waiting = new BoundedQueue<Buffer>({ limit: WAITING_MAX, onFull: "reject" });
  let unanswered = 0;
  let ended = false;
  let idle = clock.setTimer(IDLE_MS, () => socket.destroy());

  const proceed = (): void => {
    while (unanswered < UNANSWERED_MAX && !socket.destroyed) {
      const message = waiting.shift();
      if (message === undefined) break;
      unanswered += 1;
      const reply = answer(message);
      if (reply instanceof Promise) void reply.then(finishLate);
      else finish(reply);
    }
    if (socket.destroyed) return;
    if (waiting.size > 0) socket.pause();
    else if (unanswered === 0 && ended) socket.end();
    else socket.resume();
  };
  const finish = (reply: Reply): void => {
    unanswered -= 1;
    if (socket.destroyed) return;
    if (reply !== undefined) socket.write(withLength(reply));
    if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy();
  };
  const finishLate = (reply: Reply): void => {
    finish(reply);
    proceed();
  };

  socket.once("close", () => idle.cancel());
  socket.on("error", () => socket.destroy());
  socket.on("end", () => {
    ended = true;
    proceed();
  });
  socket.on("data", (chunk) => {
    const messages = reader.push(chunk);
    if (messages === undefined) return void socket.destroy();
    if (messages.length === 0) return;
    idle.cancel();
    idle = clock.setTimer(IDLE_MS, () => socket.destroy());
    for (const message of messages) {
      if (!waiting.push(message)) return void socket.destroy();
    }
    proceed();
  });
}
