export type { CliPorts, DaemonRunner, DaemonSettings, Output } from "./ports.ts";
export { runCli } from "./run.ts";
export { referencePages } from "./reference-pages.ts";
