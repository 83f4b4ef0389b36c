import type { ComposeOther, ComposeService, Project } from "@murmur/compose";
import { isNodeNetwork } from "./networks.ts";

/** A field that a file sets and a cluster can't honour. */
export interface Unsupported {
  /** `services.web.build`. */
  readonly path: string;
  /** Where it stands, as `compose.yaml:12`; left out: not known. */
  readonly at?: string;
  /** What to do about it. */
  readonly says?: string;
}

type Rule = (service: ComposeService) => readonly (readonly [field: string, says: string])[];

const LEAVE_OUT = "leave it out";
const USE_NETWORKS = "services of a stack meet in networks: use networks";

/** What the model has and Docker's services haven't, or have only on Windows. */
const RULES: readonly Rule[] = [
  (service) => {
    if (service.build === undefined) return [];
    const image = service.image ?? `REGISTRY/${service.name}:TAG`;
    const how = `docker build -t ${image} ${service.build.context} && docker push ${image}`;
    const named = service.image === undefined ? `, then set image: ${image}` : "";
    return [["build", `a cluster doesn't build images: ${how}${named}, and leave build out`]];
  },
  ({ networkMode }) =>
    networkMode === undefined || isNodeNetwork(networkMode) ? [] : [["network_mode", USE_NETWORKS]],
  ({ domainname }) => (domainname === undefined ? [] : [["domainname", "use hostname"]]),
  ({ isolation }) =>
    isolation === undefined || isolation === "default" ? [] : [["isolation", "only Windows has isolation modes"]],
  ({ shmSizeBytes }) =>
    shmSizeBytes === undefined ? [] : [["shm_size", "mount a tmpfs of that size at /dev/shm under volumes"]],
  ({ networks }) => networks.flatMap(addressRules),
  ({ mounts }) => mounts.flatMap(mountRules),
  ({ deviceRequests }) =>
    deviceRequests
      .filter((request) => resourceKind(request) === undefined || request.deviceIds.length > 0)
      .map((): readonly [string, string] => [
        "deploy.resources.reservations.devices",
        "ask for a number of a kind: generic_resources, with what `murmur daemon --generic-resource` offers",
      ]),
];

const addressRules = (attachment: ComposeService["networks"][number]): readonly (readonly [string, string])[] =>
  (
    [
      ["ipv4_address", attachment.ipv4Address],
      ["ipv6_address", attachment.ipv6Address],
      ["mac_address", attachment.macAddress],
      ["priority", attachment.priority],
    ] as const
  )
    .filter(([, value]) => value !== undefined)
    .map(([field]) => [
      `networks.${attachment.network}.${field}`,
      field === "priority" ? LEAVE_OUT : "the tasks of a service have addresses of their own: use its name",
    ]);

const MOUNT_TYPES: Readonly<Record<string, string>> = {
  npipe: "named pipes are Windows's: mount a socket as type bind",
  cluster: "there are no cluster (CSI) volumes: use type volume with the driver of a plugin, or type bind",
};

function mountRules(mount: ComposeService["mounts"][number]): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  const type = MOUNT_TYPES[mount.type];
  if (type !== undefined) found.push([`volumes[${mount.target}].type`, type]);
  if (mount.bind?.selinux !== undefined) found.push([`volumes[${mount.target}].bind.selinux`, LEAVE_OUT]);
  if (mount.type === "image" && mount.volume?.subpath !== undefined)
    found.push([`volumes[${mount.target}].image.subpath`, "mount all of the image, and use the path in it"]);
  return found;
}

/** The kind of generic resource that a request for devices comes to: `gpus: 2` is so many of the kind `gpu`. */
export function resourceKind({ capabilities, count }: ComposeService["deviceRequests"][number]): string | undefined {
  return count !== undefined && count > 0 && capabilities.includes("gpu") ? "gpu" : undefined;
}

/** All that the project asks for and a cluster doesn't have, in the order of its services. */
export function unsupportedIn(project: Project): readonly Unsupported[] {
  const found: Unsupported[] = [];
  for (const service of project.services.values()) {
    const own = RULES.flatMap((rule) => rule(service));
    const prefix = `services.${service.name}`;
    found.push(...own.map(([field, says]) => ({ path: `${prefix}.${field}`, says })));
    found.push(...service.others.map(placed(prefix)));
  }
  for (const [key, network] of project.networks) {
    const prefix = `networks.${key}`;
    if (network.enableIpv4 === false) found.push({ path: `${prefix}.enable_ipv4`, says: LEAVE_OUT });
    found.push(...network.others.map(placed(prefix)));
    if ((network.ipam?.driver ?? "default") !== "default")
      found.push({ path: `${prefix}.ipam.driver`, says: "the cluster gives out the addresses itself" });
  }
  for (const [key, volume] of project.volumes) found.push(...volume.others.map(placed(`volumes.${key}`)));
  for (const kind of ["configs", "secrets"] as const) {
    for (const [key, payload] of project[kind]) {
      const prefix = `${kind}.${key}`;
      if (payload.driver !== undefined) found.push({ path: `${prefix}.driver`, says: "the cluster keeps it itself" });
      found.push(...payload.others.map(placed(prefix)));
    }
  }
  return found;
}

const placed =
  (prefix: string) =>
  ({ path, ...other }: ComposeOther): Unsupported => ({ ...other, path: within(prefix, path) });

/** Paths of others may be whole or begin at their part. */
const within = (prefix: string, path: string): string =>
  path === prefix || path.startsWith(`${prefix}.`) ? path : `${prefix}.${path}`;

/** `compose.yaml:12: services.web.links: not honoured here`. */
export const unsupportedText = ({ path, at, says }: Unsupported): string =>
  `${at === undefined ? "" : `${at}: `}${path}${says === undefined ? "" : `: ${says}`}`;
