import type { Millis } from "@murmur/base";
import type { ConfigReference, SecretReference } from "./payload-file.ts";
import type { Security } from "./security.ts";

export interface Mount {
  readonly kind: "bind" | "volume" | "tmpfs" | "image";
  /** Host path (bind), volume name (volume; empty for an anonymous one), image, nothing (tmpfs). */
  readonly source?: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly readOnly: boolean;
  readonly bindPropagation?: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
  /** Bind only: what is mounted below the source stays out. */
  readonly bindNonRecursive?: boolean;
  /** Bind only: a source that isn't there is made, as a directory. */
  readonly bindCreateSource?: boolean;
  /**
   * Bind only, and read-only: whether mounts below the source may stay writable, or must be read-only too; left out: as
   * far as the kernel can.
   */
  readonly bindReadOnly?: "non-recursive" | "force-recursive";
  /** Volume only: driver and its options, labels, and whether the image's files are copied into a new volume. */
  readonly volumeDriver?: { readonly name: string; readonly options: Readonly<Record<string, string>> };
  readonly volumeLabels?: Readonly<Record<string, string>>;
  readonly volumeNoCopy?: boolean;
  /** Volume only: a path in the volume, which is mounted in place of the whole. */
  readonly volumeSubpath?: string;
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
  /** Between checks within the start period. Engines before Docker 25 don't know it and go by `intervalMs`. */
  readonly startIntervalMs?: Millis;
  readonly retries?: number;
}

export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** A device of the host. */
export interface Device {
  /** Its path on the host; a directory: all that is in it. */
  readonly source: string;
  /** Its path in the container. */
  readonly target: string;
  /** Of `r`, `w` and `m` (mknod), each once. */
  readonly permissions: string;
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
  /** -1000 (never) to 1000 (first): how soon the kernel ends it when memory runs out. */
  readonly oomScoreAdj?: number;
  readonly security?: Security;
  /** These two need the node's permission: see `NodePermissions`. */
  readonly devices?: readonly Device[];
  readonly privileged?: boolean;
  readonly secrets?: readonly SecretReference[];
  readonly configs?: readonly ConfigReference[];
}
