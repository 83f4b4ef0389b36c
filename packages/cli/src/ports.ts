import type { Clock } from "@murmur/base";

/** What `murmur daemon` runs with. Paths are absolute. The same as `DaemonOptions` of the package `node`. */
export interface DaemonSettings {
  readonly dataDir: string;
  readonly socketPath: string;
  /** The API over TCP, too; undefined: on the socket only. */
  readonly tcp: DaemonTcp | undefined;
  readonly dockerHost: string;
  readonly listenAddr: string | undefined;
  readonly advertiseAddr: string | undefined;
  /** Of a cluster that is begun here and doesn't say another. */
  readonly dataPlane: "ports" | "overlay" | undefined;
  readonly peers: readonly string[];
  readonly dnsAddr: string | undefined;
  readonly publishAddr: string | undefined;
  readonly dnsUpstreams: readonly string[];
  readonly filesDir: string | undefined;
  readonly hostname: string | undefined;
  readonly genericResources: Readonly<Record<string, number | readonly string[]>>;
  /** Whether containers of the cluster may be privileged here. */
  readonly allowPrivileged: boolean;
  /** Paths of devices, or of directories of them, that they may have. */
  readonly allowDevices: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Where, and PEM files: whose certificates clients must show, the daemon's own, its key. */
export interface DaemonTcp {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The daemon itself; given from outside, so that a command that only talks to one doesn't load it. */
export interface DaemonRunner {
  /** Resolves after an orderly stop by SIGTERM or SIGINT; rejects when it can't start. */
  run(settings: DaemonSettings): Promise<void>;
}

export interface Output {
  write(text: string): void;
  /** Resolves when there is room for more. Rejects when nobody reads any more. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  readonly isTerminal: boolean;
  /** Width of the terminal in columns. */
  readonly columns: number;
  /** Its height; 0 when there is none. */
  readonly rows: number;
}

/** What the person, or another program, says to this one. */
interface Input {
  readonly isTerminal: boolean;
  /** Every key goes to the program as it is, and none is shown, until this is disposed of. */
  raw(): Disposable;
  /** What comes in, until its end or until the signal is aborted. Read once. */
  read(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** The process around the commands. */
export interface CliPorts {
  readonly version: string;
  readonly daemon: DaemonRunner;
  /** The command and its first arguments that start this program again: `[node, murmur.js]`. */
  readonly self: readonly string[];
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  readonly home: string;
  readonly clock: Clock;
  /** Asks the person at the terminal for one line. Undefined when there is none, or no terminal. */
  ask(question: string): Promise<string | undefined>;
  /** From the first call on, Ctrl-C aborts the signal instead of ending the process. */
  interrupts(): AbortSignal;
  /** Until it is disposed of, signals that would end the process are told instead: `SIGINT`, `SIGTERM`, … */
  onSignals(listener: (name: string) => void): Disposable;
  /** Called when the terminal has got another size. */
  onResize(listener: () => void): Disposable;
}
