import type { Millis } from "@murmur/base";
import {
  nodeNetworkOf,
  taskName,
  type ContainerSpec,
  type HealthCheck,
  type ResourceRequirements,
  type Task,
} from "@murmur/model";
import type { ContainerCreateOptions, EndpointSettings, HealthConfig, HostConfig, MountSettings } from "dockerode";
import { containerLabels, networksLabel } from "../labels.ts";
import { mountSettings } from "./mount-settings.ts";
import { portBindings } from "../port-bindings.ts";
import { securityOptions } from "./security-options.ts";
import type { ContainerNetwork, ContainerNetworks, ContainerRequest } from "../ports.ts";

type Options = ContainerCreateOptions;

const RESOLV_CONF = "/etc/resolv.conf";

/**
 * What the engine is asked for, for a task on a node. What the spec leaves out stays out, so that the image's and the
 * engine's defaults hold. The engine never restarts a container: a restart is a new task, and the managers' decision.
 */
export function containerOptions(request: ContainerRequest): Options {
  const { task, node, image, networks } = request;
  const spec = task.spec.container;
  const bindings = portBindings(task, node);
  return present<Options>({
    name: taskName(task),
    Image: image,
    Entrypoint: spec.command && [...spec.command],
    Cmd: spec.args && [...spec.args],
    Env: environment(task),
    Labels: { ...containerLabels(task, node), ...(networks && networksLabel(networks)) },
    Hostname: spec.hostname,
    WorkingDir: spec.workdir,
    User: spec.user,
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    StopSignal: spec.stopSignal,
    StopTimeout: spec.stopGracePeriodMs === undefined ? undefined : Math.ceil(spec.stopGracePeriodMs / 1000),
    Healthcheck: spec.healthCheck && healthConfig(spec.healthCheck),
    ExposedPorts: Object.fromEntries(bindings.map(({ targetPort, protocol }) => [`${targetPort}/${protocol}`, {}])),
    HostConfig: hostConfig(request),
    ...firstNetwork(networks),
  });
}

/** What a task was given of generic resources is told it as in Docker: `DOCKER_RESOURCE_GPU=UUID1,UUID2`. */
function environment({ spec, genericNames }: Task): string[] | undefined {
  const given = { ...spec.resources.reservations.generic, ...genericNames };
  const told = Object.entries(given).map(([kind, what]) => {
    return `DOCKER_RESOURCE_${kind.toUpperCase()}=${typeof what === "number" ? String(what) : what.join(",")}`;
  });
  const { env } = spec.container;
  return env === undefined && told.length === 0 ? undefined : [...(env ?? []), ...told.sort()];
}

/** A container's place in one of the engine's networks. */
export interface NamedEndpoint {
  readonly name: string;
  readonly settings: EndpointSettings;
  readonly mac?: string;
}

/** All places of a container; the container is made in the first one. */
export function endpointsOf(networks: ContainerNetworks | undefined): readonly NamedEndpoint[] {
  const { attached = [], local = [] } = networks ?? {};
  return [
    ...attached.map((network) => ({ name: network.name, mac: network.mac, settings: endpointSettings(network) })),
    ...local.map(({ name, aliases, driverOptions }) => ({
      name,
      settings: { Aliases: [...aliases], ...(driverOptions && { DriverOpts: { ...driverOptions } }) },
    })),
  ];
}

/** A container's place in a network, with the addresses that the cluster gave it. */
function endpointSettings({ ipv4, ipv6, mac, driverOptions }: ContainerNetwork): EndpointSettings {
  return {
    IPAMConfig: { IPv4Address: ipv4, ...(ipv6 !== undefined && { IPv6Address: ipv6 }) },
    MacAddress: mac,
    ...(driverOptions && { DriverOpts: { ...driverOptions } }),
  };
}

/** The engine counts memory and swap together; -1 is no limit. */
const memorySwap = ({ limits, swapBytes }: ResourceRequirements): number | undefined =>
  swapBytes === undefined || swapBytes < 0 ? swapBytes : limits.memoryBytes + swapBytes;

/**
 * The network that the container is made in. Engines before API 1.44 take no more than one here, and the MAC address from
 * the container's own settings alone; later ones want it to be the same in both.
 */
function firstNetwork(networks: ContainerNetworks | undefined): Pick<Options, "MacAddress" | "NetworkingConfig"> {
  const [first] = endpointsOf(networks);
  if (first === undefined) return {};
  const { name, settings, mac } = first;
  return { ...(mac !== undefined && { MacAddress: mac }), NetworkingConfig: { EndpointsConfig: { [name]: settings } } };
}

function hostConfig({ task, node, networks, files = [] }: ContainerRequest): HostConfig {
  const { container: spec, resources, logDriver } = task.spec;
  const resolver = resolvConf(spec, networks);
  const { limits, reservations } = resources;
  return present<HostConfig>({
    RestartPolicy: { Name: "no" },
    PortBindings: published({ task, node }),
    NanoCpus: positive(limits.nanoCpus),
    Memory: positive(limits.memoryBytes),
    MemoryReservation: reservations.memoryBytes < ENGINE_RESERVATION_MIN ? undefined : reservations.memoryBytes,
    MemorySwap: memorySwap(resources),
    MemorySwappiness: resources.swappiness,
    PidsLimit: positive(limits.pids),
    NetworkMode: nodeNetworkOf(task.spec)?.name ?? endpointsOf(networks)[0]?.name,
    Mounts: mounts({ task, node }, resolver, files),
    GroupAdd: spec.groups && [...spec.groups],
    ReadonlyRootfs: spec.readOnly,
    Init: spec.init,
    ExtraHosts: spec.hosts?.flatMap(extraHosts),
    ...(resolver === undefined && dns(spec, node)),
    CapAdd: spec.capabilityAdd && [...spec.capabilityAdd],
    CapDrop: spec.capabilityDrop && [...spec.capabilityDrop],
    Devices: spec.devices?.map(({ source, target, permissions }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: permissions,
    })),
    Privileged: spec.privileged,
    SecurityOpt: securityOptions(spec.security),
    Sysctls: spec.sysctls && { ...spec.sysctls },
    Ulimits: spec.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    OomScoreAdj: spec.oomScoreAdj,
    LogConfig: logDriver && { Type: logDriver.name, Config: { ...logDriver.options } },
  });
}

/** By port of the container, all places where the engine publishes it; an empty host port is one that it chooses. */
function published(request: Pick<ContainerRequest, "task" | "node">): Record<string, object[]> {
  const ports: Record<string, object[]> = {};
  for (const { targetPort, protocol, hostIp, hostPort } of portBindings(request.task, request.node)) {
    (ports[`${targetPort}/${protocol}`] ??= []).push({
      HostIp: hostIp,
      HostPort: hostPort === 0 ? "" : String(hostPort),
    });
  }
  return ports;
}

function dns(
  spec: ContainerSpec,
  node: ContainerRequest["node"],
): Pick<HostConfig, "Dns" | "DnsSearch" | "DnsOptions"> {
  const { nameservers = node.dns?.nameservers, search = node.dns?.search, options } = spec.dns ?? {};
  return present<HostConfig>({
    Dns: nameservers && [...nameservers],
    DnsSearch: search && [...search],
    DnsOptions: options && [...options],
  });
}

/** The file to use as the container's resolv.conf; undefined where the spec mounts another one. */
function resolvConf(spec: ContainerSpec, networks: ContainerNetworks | undefined): string | undefined {
  const isOwn = spec.mounts?.some(({ target }) => target === RESOLV_CONF);
  return isOwn === true ? undefined : networks?.resolvConf;
}

function mounts(
  { task, node }: Pick<ContainerRequest, "task" | "node">,
  resolver: string | undefined,
  files: NonNullable<ContainerRequest["files"]>,
): MountSettings[] | undefined {
  const own = task.spec.container.mounts?.map((mount) => mountSettings(mount, node));
  const given = [...(resolver === undefined ? [] : [{ source: resolver, target: RESOLV_CONF }]), ...files];
  if (given.length === 0) return own;
  return [
    ...(own ?? []),
    ...given.map(({ source, target }): MountSettings => ({
      Type: "bind",
      Source: source,
      Target: target,
      ReadOnly: true,
    })),
  ];
}

/** A line of /etc/hosts (`IP name alias…`) in the engine's form: `name:IP` for each name. */
function extraHosts(line: string): string[] {
  const [address = "", ...names] = line.trim().split(/\s+/);
  return names.map((name) => `${name}:${address}`);
}

function healthConfig(check: HealthCheck): HealthConfig {
  return present<HealthConfig>({
    Test: check.test && [...check.test],
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    StartPeriod: nanoseconds(check.startPeriodMs),
    StartInterval: nanoseconds(check.startIntervalMs),
    Retries: check.retries,
  });
}

const nanoseconds = (ms: Millis | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms * 1_000_000);

/** The engine makes no container that reserves less; a task may, and the scheduler counts it. */
const ENGINE_RESERVATION_MIN = 6 * 1024 * 1024;

/** 0 is no limit in a spec; the engine wants the field left out. */
const positive = (amount: number): number | undefined => (amount > 0 ? amount : undefined);

/** Leaves out what is undefined: the engine takes an empty field for a wish. */
function present<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
