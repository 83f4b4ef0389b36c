import { homedir } from "node:os";
import type { CliPorts, Output } from "@murmur/cli";
import { systemClock } from "./system-clock.ts";
import { CLI_VERSION } from "./version.ts";

const outputOf = (stream: NodeJS.WriteStream): Output => ({
  write: (text) => void stream.write(text),
  writeBytes: (bytes) =>
    new Promise((resolve, reject) => {
      stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    }),
  isTerminal: stream.isTTY,
  get columns() {
    // 0 where the terminal doesn't know.
    return stream.columns || 80;
  },
  get rows() {
    return stream.isTTY ? stream.rows : 0;
  },
});

let interrupted: AbortController | undefined;

/** From the first call on, the first Ctrl-C is the command's to handle; the second ends the process. */
function interrupts(): AbortSignal {
  if (interrupted === undefined) {
    const controller = new AbortController();
    interrupted = controller;
    process.once("SIGINT", () => controller.abort(new Error("interrupted")));
  }
  return interrupted.signal;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

function onSignals(listener: (name: string) => void): Disposable {
  for (const name of SIGNALS) process.on(name, listener);
  return {
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, listener);
    },
  };
}

async function* readInput(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  // What waits for more input would keep the process.
  const stop = (): void => void process.stdin.destroy();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for await (const bytes of process.stdin) yield bytes as Uint8Array;
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

/** Reads one line from the terminal; none when either side of it is something else. */
async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<undefined>((resolve) => terminal.once("close", () => resolve(undefined)));
  try {
    return await Promise.race([terminal.question(question), closed]);
  } finally {
    terminal.close();
  }
}

/** This process, for the commands. The daemon is loaded when it is run. */
export const processPorts = (): CliPorts => ({
  version: CLI_VERSION,
  daemon: {
    async run(settings) {
      const { runDaemon } = await import("@murmur/node");
      await runDaemon(settings);
      // Stopped in order; what a library may still hold open must not keep the process.
      process.exit(0);
    },
  },
  self: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
  stdin: {
    get isTerminal() {
      return process.stdin.isTTY;
    },
    raw() {
      process.stdin.setRawMode(true);
      return { [Symbol.dispose]: () => void process.stdin.setRawMode(false) };
    },
    read: readInput,
  },
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  env: process.env,
  isRoot: process.geteuid?.() === 0,
  home: homedir(),
  clock: systemClock,
  ask,
  interrupts,
  onSignals,
  onResize(listener) {
    process.stdout.on("resize", listener);
    return { [Symbol.dispose]: () => void process.stdout.off("resize", listener) };
  },
});
