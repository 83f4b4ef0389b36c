import { randomBytes } from "node:crypto";
import { setPriority } from "node:os";
import { nodeId, SeededRandom } from "@murmur/base";
import { systemClock } from "./system-clock.ts";

/**
 * What the daemon starts this program with when its published ports need another processor; after it come the node's id and the
 * address that ports are opened on. No command for people. `node` says the same word.
 */
const PROXY_WORKER = "proxy-worker";

/** Whether this process was started by the daemon as a worker. */
export const isProxyWorker = (): boolean => process.argv[2] === PROXY_WORKER && process.send !== undefined;

/** Resolves when the daemon has ended this worker, or has ended itself. */
export async function proxyWorker(): Promise<void> {
  const [self = "", publishAddress = ""] = process.argv.slice(3);
  // A terminal, or systemd, signals all processes of the daemon. The daemon says when a worker ends.
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => {});
  beOrdinary();
  const { runProxyWorker } = await import("@murmur/network");
  const random = new SeededRandom(randomBytes(6).readUIntBE(0, 6));
  await runProxyWorker({ self: nodeId(self), publishAddress, clock: systemClock, random }, process);
}

/** The daemon goes before other processes so that heartbeats go out; traffic need not. */
function beOrdinary(): void {
  try {
    setPriority(0);
  } catch {
    // Then it stays as it was started.
  }
}
