import type { Socket } from "node:net";

/** One of two connections that are joined. */
interface End {
  readonly socket: Socket;
  /** All that came from here was handed on, and all that had to come here was handed over. */
  isWhole: boolean;
}

/**
 * Carries bytes both ways between two connections, each way held back by its reader and ended by its writer. A connection
 * that breaks breaks the other one: cut short must not look like the end.
 *
 * In place of two `pipe`: those put a dozen listeners on each connection and take them off again, and end with a call of
 * the kernel more, which together are an eighth of what a short connection costs here.
 */
export function join(left: Socket, right: Socket): void {
  const ends = [
    { socket: left, isWhole: false },
    { socket: right, isWhole: false },
  ] as const;
  carry(ends[0], ends[1]);
  carry(ends[1], ends[0]);
}

function carry(from: End, to: End): void {
  from.socket.on("data", (bytes: Buffer) => {
    if (!to.socket.write(bytes)) from.socket.pause();
  });
  to.socket.on("drain", () => from.socket.resume());
  from.socket.once("end", () => finish(to));
  from.socket.once("close", () => {
    if (!from.isWhole && !endedBothWays(from.socket)) reset(to.socket);
  });
  from.socket.resume();
}

/** Nothing more will be written to it. When nothing more comes from it either, closing says so, and is all that is left. */
function finish(end: End): void {
  const { socket } = end;
  const isLast = socket.readableEnded && socket.writableLength === 0 && !socket.destroyed;
  if (!isLast) return void socket.end();
  end.isWhole = true;
  socket.destroy();
}

const endedBothWays = (socket: Socket): boolean =>
  socket.errored === null && socket.readableEnded && socket.writableFinished;

/**
 * Closes with RST. In the moment between the last byte and its acknowledged FIN the event loop's library can't do that
 * (it would leave the socket open), and need not: all was sent.
 */
export function reset(socket: Socket): void {
  const isShuttingDown = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (isShuttingDown) socket.destroy();
  else socket.resetAndDestroy();
}
