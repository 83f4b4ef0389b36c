import { runCli } from "../run.ts";
import type { CliPorts, DaemonSettings } from "../ports.ts";

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What went to standard output and is no text. */
  readonly bytes: Uint8Array;
  /** What a daemon was run with. */
  readonly daemons: readonly DaemonSettings[];
}

/** Real time: these tests talk to a server over a socket. */
export const REAL_CLOCK: CliPorts["clock"] = {
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
  const bytes: Uint8Array[] = [];
  const plain = { isTerminal: false, columns: 80, rows: 0 };
  const nothing = { [Symbol.dispose]: () => {} };
  const status = await runCli(argv, {
    version: "1.2.3",
    daemon: { run: async (settings) => void daemons.push(settings) },
    self: [],
    stdout: { ...plain, write: (text) => (stdout += text), writeBytes: async (part) => void bytes.push(part) },
    stderr: { ...plain, write: (text) => (stderr += text), writeBytes: async () => {} },
    stdin: { isTerminal: false, raw: () => nothing, read: async function* () {} },
    env: {},
    isRoot: true,
    home: "/root",
    clock: REAL_CLOCK,
    ask: async () => undefined,
    interrupts: () => new AbortController().signal,
    onSignals: () => nothing,
    onResize: () => nothing,
    ...ports,
  });
  return { status, stdout, stderr, daemons, bytes: Buffer.concat(bytes) };
}
