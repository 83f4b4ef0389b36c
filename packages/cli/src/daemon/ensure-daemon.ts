import { join, resolve } from "node:path";
import { messageOf } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { defaultDataDir } from "../default-paths.ts";

/**
 * Makes a request to a daemon, which is started in the background when none answers at the socket; one line says so.
 * When the request fails, the daemon that was started for it is stopped again. One elsewhere (`tcp://`) is never
 * started.
 */
export async function withDaemon<T>(cli: Cli, work: () => Promise<T>): Promise<T> {
  const { parseDaemonAddress } = await import("@murmur/api");
  const address = parseDaemonAddress(cli.host);
  if (!("socketPath" in address) || !(await isMissing(cli))) return work();
  const { startInBackground, stopProcess } = await import("./background.ts");
  const { ports } = cli;
  const dataDir = resolve(ports.env["MURMUR_DATA_DIR"] || defaultDataDir(ports));
  const daemon = await startInBackground({
    command: [...ports.self, "daemon", "--data-dir", dataDir, "--socket", address.socketPath],
    logFile: join(dataDir, "daemon.log"),
    socketPath: address.socketPath,
    clock: ports.clock,
  });
  const { signal } = new AbortController();
  try {
    await daemon.answers(signal);
    const result = await work();
    cli.note(`Started the Murmur daemon in the background (process ${String(daemon.pid)}, log ${daemon.logFile}).`);
    return result;
  } catch (error) {
    const gone = await stopProcess(daemon.pid, ports.clock, signal);
    if (!gone)
      cli.note(`The daemon that was started (process ${String(daemon.pid)}) doesn't stop: ${messageOf(error)}`);
    throw error;
  }
}

/** Whether nobody listens. Any other trouble, such as a socket that may not be used, is the request's to report. */
async function isMissing(cli: Cli): Promise<boolean> {
  const client = await cli.client();
  try {
    await client.ping();
    return false;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    return code === "ENOENT" || code === "ECONNREFUSED";
  }
}
