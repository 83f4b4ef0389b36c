import { pino, type Logger } from "pino";
import type { Log, LogFields } from "@murmur/base";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The daemon's log: one line an event on standard error, as JSON or as text. */
export function openLog(options: { readonly level: LogLevel; readonly format: "text" | "json" }): Log {
  const destination = pino.destination({ fd: 2, sync: true });
  const logger = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    options.format === "json" ? destination : { write: (line) => destination.write(textLine(line)) },
  );
  return adapt(logger);
}

const adapt = (logger: Logger): Log => ({
  debug: (message: string, fields: LogFields = {}) => logger.debug(fields, message),
  info: (message: string, fields: LogFields = {}) => logger.info(fields, message),
  warn: (message: string, fields: LogFields = {}) => logger.warn(fields, message),
  error: (message: string, fields: LogFields = {}) => logger.error(fields, message),
});

const LEVEL_NAMES: Readonly<Record<number, string>> = { 20: "debug", 30: "info ", 40: "warn ", 50: "error" };

/** `2026-11-21T03:00:00.000Z info  message key=value …` */
function textLine(line: string): string {
  const record: unknown = JSON.parse(line);
  if (typeof record !== "object" || record === null) return line;
  const { level, time, msg, ...fields } = record as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${quoted(String(value))}`);
  return `${String(time)} ${LEVEL_NAMES[Number(level)] ?? String(level)} ${String(msg)}${pairs.join("")}\n`;
}

const quoted = (value: string): string => (/^[^\s"=]+$/.test(value) ? value : JSON.stringify(value));
