import type {
  ComposeAttachment,
  ComposeMount,
  ComposeNetwork,
  ComposePayload,
  ComposePort,
  ComposeReference,
  ComposeService,
  ComposeVolume,
  Project,
} from "@murmur/compose";

/* Projects made by hand: what isn't said isn't there. */

export const aComposeService = (name: string, change: Partial<ComposeService> = {}): ComposeService => ({
  name,
  image: `${name}:1`,
  environment: new Map(),
  labels: new Map(),
  groups: [],
  capAdd: [],
  capDrop: [],
  sysctls: new Map(),
  ulimits: new Map(),
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  extraHosts: [],
  devices: [],
  ports: [],
  networks: [],
  mounts: [],
  configs: [],
  secrets: [],
  dependsOn: [],
  deploy: { labels: new Map() },
  deviceRequests: [],
  others: [],
  ...change,
});

export const aPayload = (text: string | undefined, change: Partial<ComposePayload> = {}): ComposePayload => ({
  external: text === undefined,
  ...(text !== undefined && { data: new TextEncoder().encode(text) }),
  labels: new Map(),
  driverOptions: new Map(),
  others: [],
  ...change,
});

export const aComposeNetwork = (change: Partial<ComposeNetwork> = {}): ComposeNetwork => ({
  external: false,
  driverOptions: new Map(),
  labels: new Map(),
  others: [],
  ...change,
});

export const aComposeVolume = (change: Partial<ComposeVolume> = {}): ComposeVolume => ({
  external: false,
  driverOptions: new Map(),
  labels: new Map(),
  others: [],
  ...change,
});

export const aPort = (target: number, change: Partial<ComposePort> = {}): ComposePort => ({
  target,
  protocol: "tcp",
  mode: "ingress",
  ...change,
});
export const aComposeMount = (target: string, change: Partial<ComposeMount> = {}): ComposeMount => ({
  type: "volume",
  target,
  readOnly: false,
  ...change,
});
export const attached = (network: string, change: Partial<ComposeAttachment> = {}): ComposeAttachment => ({
  network,
  aliases: [],
  ...change,
});
export const uses = (source: string, change: Partial<ComposeReference> = {}): ComposeReference => ({
  source,
  ...change,
});

interface ProjectStart {
  readonly networks?: Readonly<Record<string, ComposeNetwork>>;
  readonly volumes?: Readonly<Record<string, ComposeVolume>>;
  readonly configs?: Readonly<Record<string, ComposePayload>>;
  readonly secrets?: Readonly<Record<string, ComposePayload>>;
}

export const aProject = (services: readonly ComposeService[], start: ProjectStart = {}): Project => ({
  services: new Map(services.map((service) => [service.name, service])),
  networks: new Map(Object.entries(start.networks ?? {})),
  volumes: new Map(Object.entries(start.volumes ?? {})),
  configs: new Map(Object.entries(start.configs ?? {})),
  secrets: new Map(Object.entries(start.secrets ?? {})),
});
