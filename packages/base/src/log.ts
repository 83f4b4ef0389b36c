/** What a log line may carry beside its message. Secrets never go in. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where log lines go: a file in `node`, the trace in the simulator, nowhere in most unit tests. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const ignore = (): void => {};
/** A log that keeps nothing. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
