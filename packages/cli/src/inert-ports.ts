import type { CliPorts } from "./ports.ts";

const SILENT = { write: () => {}, writeBytes: async () => {}, isTerminal: false, columns: 100, rows: 0 };

const NOTHING = { [Symbol.dispose]: () => {} };

/** A process that does nothing: for looking at the commands without running any. */
export const INERT_PORTS: CliPorts = {
  version: "",
  daemon: { run: () => Promise.resolve() },
  self: [],
  stdin: { isTerminal: false, raw: () => NOTHING, read: async function* () {} },
  stdout: SILENT,
  stderr: SILENT,
  env: {},
  isRoot: true,
  home: "/root",
  clock: { now: () => 0, monotonic: () => 0, setTimer: () => ({ cancel: () => {} }) },
  ask: async () => undefined,
  interrupts: () => new AbortController().signal,
  onSignals: () => NOTHING,
  onResize: () => NOTHING,
};
