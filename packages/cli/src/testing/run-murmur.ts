import { runCli } from "../run.ts";
import type { CliPorts, DaemonSettings } from "../ports.ts";

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What a daemon was run with. */
  readonly daemons: readonly DaemonSettings[];
}

/** Real time: these tests talk to a server over a socket. */
const clock: CliPorts["clock"] = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Runs one command line in this process. */
export async function runMurmur(argv: readonly string[], ports: Partial<CliPorts> = {}): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const daemons: DaemonSettings[] = [];
  const status = await runCli(argv, {
    version: "1.2.3",
    daemon: { run: async (settings) => void daemons.push(settings) },
    self: [],
    stdout: { write: (text) => (stdout += text), isTerminal: false, columns: 80 },
    stderr: { write: (text) => (stderr += text), isTerminal: false, columns: 80 },
    env: {},
    isRoot: true,
    home: "/root",
    clock,
    interrupts: () => new AbortController().signal,
    ...ports,
  });
  return { status, stdout, stderr, daemons };
}
