import type { EventKind } from "../murmur-types.ts";

export interface MurmurClientOptions {
  /** `unix:///path`, `/path` or `tcp://host:port`. */
  readonly host: string;
  /** For `tcp://`: speak TLS with these. */
  readonly tls?: ClientTls | undefined;
  /** For a whole answer; 30 s when left out. */
  readonly timeoutMs?: number;
}

/** PEM texts. */
export interface ClientTls {
  /** Whose certificate the daemon has to show. */
  readonly ca: string;
  /** Shown to the daemon. */
  readonly cert: string;
  readonly key: string;
}

export interface Cancellable {
  readonly signal?: AbortSignal | undefined;
}

/** Docker's list filters: for each name the wanted values. */
export type Filters = Readonly<Record<string, readonly string[]>>;
export interface ListOptions extends Cancellable {
  readonly filters?: Filters;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  /** Each line begins with where it comes from, and what the log driver knows of it. */
  readonly details?: boolean;
  /** Lines from the end of each task's log; left out: all. */
  readonly tail?: string;
  /** Unix seconds, with up to nine decimals. */
  readonly since?: string;
  readonly signal: AbortSignal;
}

export interface DockerEventOptions {
  readonly filters?: Filters;
  /** Unix seconds, with up to nine decimals. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly signal: AbortSignal;
}

/** Docker's body of a command to run in a container. */
export interface ExecConfig {
  readonly Cmd: readonly string[];
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Tty: boolean;
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Privileged?: boolean;
}
/** A command in a task's container. */
export interface ExecName {
  readonly task: string;
  readonly id: string;
}
export interface ExecState {
  readonly Running: boolean;
  /** Null until it has ended. */
  readonly ExitCode: number | null;
}

export interface EventOptions {
  /** Only this service, its tasks, and no nodes or networks. An id, not a name. */
  readonly service?: string;
  readonly kinds?: readonly EventKind[];
  readonly signal: AbortSignal;
}
