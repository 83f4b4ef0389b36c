export { runDaemon } from "./daemon.ts";
export type { DaemonOptions } from "./daemon-options.ts";
export { LOG_LEVELS, type LogLevel } from "./pino-log.ts";
export { MURMUR_VERSION } from "./version.ts";
