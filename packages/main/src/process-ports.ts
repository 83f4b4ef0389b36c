import { homedir } from "node:os";
import type { CliPorts, Output } from "@murmur/cli";
import { systemClock } from "./system-clock.ts";
import { CLI_VERSION } from "./version.ts";

const outputOf = (stream: NodeJS.WriteStream): Output => ({
  write: (text) => void stream.write(text),
  isTerminal: stream.isTTY,
  get columns() {
    // 0 where the terminal doesn't know.
    return stream.columns || 80;
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
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  env: process.env,
  isRoot: process.geteuid?.() === 0,
  home: homedir(),
  clock: systemClock,
  interrupts,
});
