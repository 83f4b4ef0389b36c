import type { CliPorts } from "./ports.ts";

const SILENT = { write: () => {}, writeBytes: async () => {}, isTerminal: false, columns: 100 };

/** A process that does nothing: for looking at the commands without running any. */
export const INERT_PORTS: CliPorts = {
  version: "",
  daemon: { run: () => Promise.resolve() },
  self: [],
  stdout: SILENT,
  stderr: SILENT,
  env: {},
  isRoot: true,
  home: "/root",
  clock: { now: () => 0, monotonic: () => 0, setTimer: () => ({ cancel: () => {} }) },
  ask: async () => undefined,
  interrupts: () => new AbortController().signal,
};
