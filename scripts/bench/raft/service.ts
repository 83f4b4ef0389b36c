import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

const running = new Set<ChildProcess>();
let watching = false;

/**
 * Starts a program as a service runs: in a session of its own, which is what Linux shares the processors out by, with
 * its output in a file. Flags are `--name value`. It is killed when this process ends, however it does.
 */
export async function startService(
  command: readonly [program: string, ...words: string[]],
  flags: Readonly<Record<string, string>>,
  logFile: string,
): Promise<ChildProcess> {
  killAtExit();
  await mkdir(dirname(logFile), { recursive: true });
  const log = await open(logFile, "a");
  const [program, ...words] = command;
  const all = [...words, ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])];
  const service = spawn(program, all, { stdio: ["ignore", log.fd, log.fd], detached: true });
  await log.close();
  running.add(service);
  service.once("exit", () => running.delete(service));
  return service;
}

export async function killService(service: ChildProcess): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  service.kill("SIGKILL");
  await once(service, "exit");
}

function killAtExit(): void {
  if (watching) return;
  watching = true;
  process.once("exit", () => {
    for (const service of running) service.kill("SIGKILL");
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
}
