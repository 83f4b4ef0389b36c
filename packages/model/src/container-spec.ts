import type { Millis } from "@murmur/base";

export interface Mount {
  readonly kind: "bind" | "volume" | "tmpfs";
  /** Host path (bind), volume name (volume; empty for an anonymous one), nothing (tmpfs). */
  readonly source?: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly readOnly: boolean;
  readonly bindPropagation?: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
  /** Volume only: driver and its options, labels, and whether the image's files are copied into a new volume. */
  readonly volumeDriver?: { readonly name: string; readonly options: Readonly<Record<string, string>> };
  readonly volumeLabels?: Readonly<Record<string, string>>;
  readonly volumeNoCopy?: boolean;
  /** Tmpfs only. */
  readonly tmpfsSizeBytes?: number;
  readonly tmpfsMode?: number;
}

/** As in an image: `test` starts with NONE, CMD or CMD-SHELL; what is left out is inherited from the image. */
export interface HealthCheck {
  readonly test?: readonly string[];
  readonly intervalMs?: Millis;
  readonly timeoutMs?: Millis;
  readonly startPeriodMs?: Millis;
  readonly retries?: number;
}

export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** What runs in the container. Everything optional is the image's or the engine's default when it is left out. */
export interface ContainerSpec {
  readonly image: string;
  /** Replaces the image's ENTRYPOINT. */
  readonly command?: readonly string[];
  /** Replaces the image's CMD. */
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly workdir?: string;
  /** `user`, `user:group`, or numbers. */
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly tty?: boolean;
  readonly openStdin?: boolean;
  readonly readOnly?: boolean;
  readonly init?: boolean;
  readonly mounts?: readonly Mount[];
  readonly stopSignal?: string;
  /** Time between the stop signal and SIGKILL; 10 s when left out. */
  readonly stopGracePeriodMs?: Millis;
  readonly healthCheck?: HealthCheck;
  /** Extra lines of /etc/hosts, in its own form: `IP name…`. */
  readonly hosts?: readonly string[];
  readonly dns?: {
    readonly nameservers?: readonly string[];
    readonly search?: readonly string[];
    readonly options?: readonly string[];
  };
  readonly capabilityAdd?: readonly string[];
  readonly capabilityDrop?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly ulimits?: readonly Ulimit[];
}
