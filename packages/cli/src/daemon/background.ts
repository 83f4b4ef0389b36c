import { spawn } from "node:child_process";
import { mkdir, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ClusterError, sleep, type Clock } from "@murmur/base";
import { MurmurClient } from "@murmur/api";
import { lastLines } from "./log-tail.ts";

/** How long a daemon that was just started may take until its socket answers. */
const START_LIMIT_MS = 15_000;
/** How long it may take to stop in order. */
const STOP_LIMIT_MS = 20_000;
const POLL_MS = 50;
const LOG_LINES = 5;

export interface BackgroundStart {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly logFile: string;
  /** Where it will answer. */
  readonly socketPath: string;
  readonly clock: Clock;
}

export interface BackgroundDaemon {
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the socket answers; rejects with the log's last lines when it ends or takes too long. */
  answers(signal: AbortSignal): Promise<void>;
}

/** A log of this size makes room for a new one at the next start; the one before the last is forgotten. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;

async function makeRoom(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LOG_BYTES_MAX) await rename(logFile, `${logFile}.1`);
}

/** Starts a daemon that outlives this process, its output at the end of a log file. */
export async function startInBackground(start: BackgroundStart): Promise<BackgroundDaemon> {
  const { logFile, clock } = start;
  await mkdir(dirname(logFile), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new ClusterError("failed_precondition", `can't make ${dirname(logFile)}: run as root, or say --data-dir`, {
      cause: error,
    });
  });
  await makeRoom(logFile);
  await using log = await open(logFile, "a", 0o600);
  const [program = "", ...args] = start.command;
  const child = spawn(program, args, { detached: true, stdio: ["ignore", log.fd, log.fd] });
  let ended = false;
  child.once("exit", () => (ended = true));
  const pid = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => resolve(child.pid ?? 0));
  });
  child.unref();
  const answers = async (signal: AbortSignal): Promise<void> => {
    const until = clock.monotonic() + START_LIMIT_MS;
    while (!(await isAnswering(start.socketPath))) {
      if (ended || clock.monotonic() > until) throw await failure(logFile, ended);
      await sleep(clock, POLL_MS, signal);
    }
  };
  return { pid, logFile, answers };
}

async function failure(logFile: string, ended: boolean): Promise<ClusterError> {
  const what = ended ? "ended at once" : `didn't answer within ${String(START_LIMIT_MS / 1000)} s`;
  const lines = await lastLines(logFile, LOG_LINES);
  const said = lines.length === 0 ? "" : `, its last lines: ${lines.join(" | ")}`;
  return new ClusterError("unavailable", `the daemon that was started ${what}; see ${logFile}${said}`);
}

/** Whether a daemon answers at the socket. */
async function isAnswering(socketPath: string): Promise<boolean> {
  using client = new MurmurClient({ host: socketPath, timeoutMs: 2_000 });
  try {
    await client.ping();
    return true;
  } catch {
    return false;
  }
}

/** Asks a process to stop, waits, and ends it by force when it doesn't. True when it is gone. */
export async function stopProcess(pid: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
  for (const name of ["SIGTERM", "SIGKILL"] as const) {
    if (!sendSignal(pid, name)) return true;
    const until = clock.monotonic() + (name === "SIGTERM" ? STOP_LIMIT_MS : 2_000);
    while (clock.monotonic() < until) {
      await sleep(clock, POLL_MS, signal);
      if (!sendSignal(pid, 0)) return true;
    }
  }
  return false;
}

/** Whether the process was there to get the signal. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
