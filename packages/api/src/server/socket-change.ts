import type { Duplex } from "node:stream";

/** Resolves when there is something to read, or never will be. */
export function changeOf(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const events = ["readable", "end", "close"];
    const changed = (): void => {
      for (const event of events) socket.off(event, changed);
      resolve();
    };
    for (const event of events) socket.on(event, changed);
  });
}
