/**
 * A Compose application as it was meant: files merged, variables put in, `extends` and `include` followed, profiles
 * chosen, every short form written out as the long one. Names of fields are the Compose specification's, in camel case
 * with their unit; what a file leaves out is left out here, so that whoever reads it decides on the default.
 */
export interface Project {
  /** The `name:` of the files; the stack's name is given by whoever deploys it. */
  readonly name?: string;
  /** By name, in the order of the files. Those whose profiles aren't active are not here. */
  readonly services: ReadonlyMap<string, ComposeService>;
  readonly networks: ReadonlyMap<string, ComposeNetwork>;
  readonly volumes: ReadonlyMap<string, ComposeVolume>;
  readonly configs: ReadonlyMap<string, ComposePayload>;
  readonly secrets: ReadonlyMap<string, ComposePayload>;
}

export interface ComposeService {
  readonly name: string;
  readonly image?: string;
  /** Present: the file asks for an image to be built, which a cluster doesn't do. */
  readonly build?: { readonly context: string; readonly dockerfile?: string };
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  /** Variables of `env_file` and `environment`, the latter winning; null: taken from nowhere, so not set. */
  readonly environment: ReadonlyMap<string, string | null>;
  readonly labels: Labels;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly workingDir?: string;
  readonly user?: string;
  readonly groups: readonly string[];
  readonly tty?: boolean;
  readonly stdinOpen?: boolean;
  readonly readOnly?: boolean;
  readonly init?: boolean;
  readonly privileged?: boolean;
  readonly stopSignal?: string;
  readonly stopGracePeriodMs?: number;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly sysctls: ReadonlyMap<string, string>;
  readonly ulimits: ReadonlyMap<string, { readonly soft: number; readonly hard: number }>;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** Name, address. */
  readonly extraHosts: readonly (readonly [string, string])[];
  readonly devices: readonly ComposeDevice[];
  readonly healthcheck?: ComposeHealthcheck;
  readonly logging?: { readonly driver?: string; readonly options: ReadonlyMap<string, string> };
  readonly ports: readonly ComposePort[];
  readonly networks: readonly ComposeAttachment[];
  readonly networkMode?: string;
  readonly mounts: readonly ComposeMount[];
  readonly configs: readonly ComposeReference[];
  readonly secrets: readonly ComposeReference[];
  readonly dependsOn: readonly ComposeDependency[];
  readonly deploy: ComposeDeploy;
  readonly oomScoreAdj?: number;
  readonly isolation?: string;
  readonly shmSizeBytes?: number;
  /** `gpus:` and `deploy.resources.reservations.devices`. */
  readonly deviceRequests: readonly ComposeDeviceRequest[];
  /** Outside `deploy`: `restart`, one of no, always, on-failure[:N], unless-stopped. */
  readonly restart?: string;
  /** Fields that the file sets and that have no place above, as `FIELD` or `FIELD.FIELD`: nothing is dropped silently. */
  readonly others: readonly ComposeOther[];
}

export type Labels = ReadonlyMap<string, string>;

/** A field that is valid in Compose and not part of this model; where it stands, as `compose.yaml:12`. */
export interface ComposeOther {
  readonly path: string;
  readonly at: string;
  /** What to do about it. */
  readonly says?: string;
}

export interface ComposeDevice {
  readonly source: string;
  readonly target: string;
  readonly permissions: string;
}

export interface ComposeDeviceRequest {
  readonly driver?: string;
  /** Left out: all there are. */
  readonly count?: number;
  readonly deviceIds: readonly string[];
  readonly capabilities: readonly string[];
}

export interface ComposeHealthcheck {
  readonly disable: boolean;
  /** As Docker's: `["CMD", …]`, `["CMD-SHELL", TEXT]` or `["NONE"]`. */
  readonly test?: readonly string[];
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly startPeriodMs?: number;
  readonly startIntervalMs?: number;
  readonly retries?: number;
}

/** Ranges are written out: one entry for each port. */
export interface ComposePort {
  readonly name?: string;
  readonly target: number;
  readonly published?: number;
  readonly hostIp?: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly mode: "ingress" | "host";
  readonly appProtocol?: string;
}

export interface ComposeAttachment {
  /** The key in `networks`. */
  readonly network: string;
  readonly aliases: readonly string[];
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly macAddress?: string;
  readonly priority?: number;
  /** Never empty. */
  readonly driverOptions?: ReadonlyMap<string, string>;
}

export interface ComposeMount {
  readonly type: "volume" | "bind" | "tmpfs" | "npipe" | "cluster" | "image";
  /** A key of `volumes`, a path of the host (made absolute), or nothing for an anonymous one. */
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly consistency?: string;
  readonly bind?: { readonly propagation?: string; readonly createHostPath?: boolean; readonly selinux?: string };
  readonly volume?: { readonly nocopy?: boolean; readonly subpath?: string };
  readonly tmpfs?: { readonly sizeBytes?: number; readonly mode?: number };
}

/** A config or secret that a service mounts. */
export interface ComposeReference {
  /** The key in `configs` or `secrets`. */
  readonly source: string;
  readonly target?: string;
  readonly uid?: string;
  readonly gid?: string;
  readonly mode?: number;
}

export interface ComposeDependency {
  readonly service: string;
  readonly condition: "service_started" | "service_healthy" | "service_completed_successfully";
  readonly restart: boolean;
  readonly required: boolean;
}

export interface ComposeDeploy {
  readonly mode?: "replicated" | "global" | "replicated-job" | "global-job";
  /** `deploy.replicas`, else `scale`. */
  readonly replicas?: number;
  readonly endpointMode?: "vip" | "dnsrr";
  /** Of the service, as against `labels`, which are the container's. */
  readonly labels: Labels;
  readonly placement?: {
    readonly constraints: readonly string[];
    /** What is spread over, as `node.labels.zone`. */
    readonly preferences: readonly string[];
    readonly maxReplicasPerNode?: number;
  };
  readonly limits?: ComposeResources;
  readonly reservations?: ComposeResources;
  readonly restartPolicy?: {
    readonly condition?: "none" | "on-failure" | "any";
    readonly delayMs?: number;
    readonly maxAttempts?: number;
    readonly windowMs?: number;
  };
  readonly updateConfig?: ComposeUpdate;
  readonly rollbackConfig?: ComposeUpdate;
}

export interface ComposeResources {
  /** 1e-9 of a CPU. */
  readonly nanoCpus?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
  readonly genericResources?: readonly { readonly kind: string; readonly value: number }[];
}

export interface ComposeUpdate {
  readonly parallelism?: number;
  readonly delayMs?: number;
  readonly failureAction?: "pause" | "continue" | "rollback";
  readonly monitorMs?: number;
  readonly maxFailureRatio?: number;
  readonly order?: "stop-first" | "start-first";
}

/** What a file says of something that may exist already: it is used then, and must be there. */
export interface ComposeExternal {
  /** The `name:` of it, exactly as it is called; left out: the stack's name and the key. */
  readonly name?: string;
  readonly external: boolean;
}

export interface ComposeNetwork extends ComposeExternal {
  readonly driver?: string;
  readonly driverOptions: ReadonlyMap<string, string>;
  readonly labels: Labels;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly enableIpv4?: boolean;
  readonly enableIpv6?: boolean;
  readonly ipam?: {
    readonly driver?: string;
    readonly config: readonly {
      readonly subnet?: string;
      readonly gateway?: string;
      readonly ipRange?: string;
      readonly auxAddresses: ReadonlyMap<string, string>;
    }[];
    readonly options: ReadonlyMap<string, string>;
  };
  readonly others: readonly ComposeOther[];
}

export interface ComposeVolume extends ComposeExternal {
  readonly driver?: string;
  readonly driverOptions: ReadonlyMap<string, string>;
  readonly labels: Labels;
  readonly others: readonly ComposeOther[];
}

/** A config or a secret. */
export interface ComposePayload extends ComposeExternal {
  /** What it holds: read from `file`, `environment` or `content`. Undefined where it is external. */
  readonly data?: Uint8Array;
  /** Where `data` comes from; left out where the file itself holds it. */
  readonly origin?: ComposeOrigin;
  readonly labels: Labels;
  readonly templateDriver?: string;
  readonly driver?: string;
  readonly driverOptions: ReadonlyMap<string, string>;
  readonly others: readonly ComposeOther[];
}

export type ComposeOrigin =
  | { readonly kind: "file"; /** Absolute. */ readonly path: string }
  | { readonly kind: "environment"; readonly name: string };
