import type { ContainerSpec, HealthCheck, Mount } from "@murmur/model";
import { compact } from "./compact.ts";
import type { ContainerInput, MountInput } from "./container-schema.ts";
import type * as docker from "./container-types.ts";
import {
  fromConfigReference,
  fromSecretReference,
  toConfigReference,
  toSecretReference,
  type FindPayload,
} from "./payload-reference.ts";
import { fromSecurity, toSecurity } from "./privileges.ts";
import { toMillis, toNanos } from "./time.ts";

const filled = <T>(list: readonly T[] | undefined): readonly T[] | undefined =>
  list === undefined || list.length === 0 ? undefined : list;
const filledMap = (map: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> | undefined =>
  map === undefined || Object.keys(map).length === 0 ? undefined : map;
const orLeftOut = <T extends string | number | boolean>(value: T | undefined): T | undefined => value || undefined;

/**
 * Docker's JSON to the model. What Docker takes for "the image's own" (an empty text, list or number) is left out, so
 * that the same wish always gives the same spec and an update without a change replaces no task.
 */
export function toContainerSpec(input: ContainerInput, findPayload: FindPayload): ContainerSpec {
  return compact<ContainerSpec>({
    image: input.Image,
    command: filled(input.Command),
    args: filled(input.Args),
    env: filled(input.Env),
    labels: filledMap(input.Labels),
    hostname: orLeftOut(input.Hostname),
    workdir: orLeftOut(input.Dir),
    user: orLeftOut(input.User),
    groups: filled(input.Groups),
    tty: orLeftOut(input.TTY),
    openStdin: orLeftOut(input.OpenStdin),
    readOnly: orLeftOut(input.ReadOnly),
    init: input.Init,
    mounts: filled(input.Mounts)?.map(toMount),
    stopSignal: orLeftOut(input.StopSignal),
    stopGracePeriodMs: input.StopGracePeriod === undefined ? undefined : toMillis(input.StopGracePeriod),
    healthCheck: toHealthCheck(input.Healthcheck),
    hosts: filled(input.Hosts),
    dns: toDns(input.DNSConfig),
    capabilityAdd: filled(input.CapabilityAdd),
    capabilityDrop: filled(input.CapabilityDrop),
    sysctls: filledMap(input.Sysctls),
    ulimits: filled(input.Ulimits)?.map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    oomScoreAdj: orLeftOut(input.OomScoreAdj),
    security: toSecurity(input.Privileges),
    secrets: filled(input.Secrets)?.map((reference) => toSecretReference(reference, findPayload)),
    configs: filled(input.Configs)?.map((reference) => toConfigReference(reference, findPayload)),
  });
}

function toMount(input: MountInput): Mount {
  const { BindOptions: bind, VolumeOptions: volume, TmpfsOptions: tmpfs } = input;
  const driver = volume?.DriverConfig;
  const hasDriver = orLeftOut(driver?.Name) !== undefined || filledMap(driver?.Options) !== undefined;
  return compact<Mount>({
    kind: input.Type,
    source: orLeftOut(input.Source),
    target: input.Target ?? "",
    readOnly: input.ReadOnly ?? false,
    bindPropagation: bind?.Propagation || undefined,
    bindNonRecursive: orLeftOut(bind?.NonRecursive),
    bindCreateSource: orLeftOut(bind?.CreateMountpoint),
    bindReadOnly: readOnlyDepth(bind),
    volumeDriver: hasDriver ? { name: driver?.Name || "local", options: driver?.Options ?? {} } : undefined,
    volumeLabels: filledMap(volume?.Labels),
    volumeNoCopy: orLeftOut(volume?.NoCopy),
    volumeSubpath: orLeftOut(volume?.Subpath),
    tmpfsSizeBytes: orLeftOut(tmpfs?.SizeBytes),
    tmpfsMode: orLeftOut(tmpfs?.Mode),
  });
}

function readOnlyDepth(bind: MountInput["BindOptions"]): Mount["bindReadOnly"] {
  if (bind?.ReadOnlyForceRecursive === true) return "force-recursive";
  return bind?.ReadOnlyNonRecursive === true ? "non-recursive" : undefined;
}

function toHealthCheck(input: ContainerInput["Healthcheck"]): HealthCheck | undefined {
  const milliseconds = (nanos: number | undefined): number | undefined =>
    nanos === undefined || nanos === 0 ? undefined : toMillis(nanos);
  const check = compact<HealthCheck>({
    test: filled(input?.Test),
    intervalMs: milliseconds(input?.Interval),
    timeoutMs: milliseconds(input?.Timeout),
    startPeriodMs: milliseconds(input?.StartPeriod),
    startIntervalMs: milliseconds(input?.StartInterval),
    retries: orLeftOut(input?.Retries),
  });
  return Object.keys(check).length === 0 ? undefined : check;
}

function toDns(input: ContainerInput["DNSConfig"]): ContainerSpec["dns"] {
  const dns = compact<NonNullable<ContainerSpec["dns"]>>({
    nameservers: filled(input?.Nameservers),
    search: filled(input?.Search),
    options: filled(input?.Options),
  });
  return Object.keys(dns).length === 0 ? undefined : dns;
}

const copied = <T>(list: readonly T[] | undefined): T[] | undefined => (list === undefined ? undefined : [...list]);
const copiedMap = (map: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined =>
  map === undefined ? undefined : { ...map };
const nanosOf = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : toNanos(ms));

/** The model to Docker's JSON; what is left out in the one is left out in the other. */
export function fromContainerSpec(spec: ContainerSpec): docker.ContainerSpec {
  return compact<docker.ContainerSpec>({
    Image: spec.image,
    Labels: copiedMap(spec.labels),
    Command: copied(spec.command),
    Args: copied(spec.args),
    Hostname: spec.hostname,
    Env: copied(spec.env),
    Dir: spec.workdir,
    User: spec.user,
    Groups: copied(spec.groups),
    TTY: spec.tty,
    OpenStdin: spec.openStdin,
    ReadOnly: spec.readOnly,
    Init: spec.init,
    Mounts: spec.mounts?.map(fromMount),
    StopSignal: spec.stopSignal,
    StopGracePeriod: nanosOf(spec.stopGracePeriodMs),
    Healthcheck: spec.healthCheck === undefined ? undefined : fromHealthCheck(spec.healthCheck),
    Hosts: copied(spec.hosts),
    DNSConfig: spec.dns === undefined ? undefined : fromDns(spec.dns),
    CapabilityAdd: copied(spec.capabilityAdd),
    CapabilityDrop: copied(spec.capabilityDrop),
    Sysctls: copiedMap(spec.sysctls),
    Ulimits: spec.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    OomScoreAdj: spec.oomScoreAdj,
    Privileges: spec.security && fromSecurity(spec.security),
    Secrets: spec.secrets?.map(fromSecretReference),
    Configs: spec.configs?.map(fromConfigReference),
    Isolation: "default",
  });
}

function fromMount(mount: Mount): docker.Mount {
  const bind = compact<NonNullable<docker.Mount["BindOptions"]>>({
    Propagation: mount.bindPropagation,
    NonRecursive: mount.bindNonRecursive,
    CreateMountpoint: mount.bindCreateSource,
    ReadOnlyNonRecursive: mount.bindReadOnly === "non-recursive" || undefined,
    ReadOnlyForceRecursive: mount.bindReadOnly === "force-recursive" || undefined,
  });
  const volume = compact<NonNullable<docker.Mount["VolumeOptions"]>>({
    NoCopy: mount.volumeNoCopy,
    Labels: copiedMap(mount.volumeLabels),
    DriverConfig:
      mount.volumeDriver === undefined
        ? undefined
        : { Name: mount.volumeDriver.name, Options: { ...mount.volumeDriver.options } },
    Subpath: mount.volumeSubpath,
  });
  const tmpfs = compact<NonNullable<docker.Mount["TmpfsOptions"]>>({
    SizeBytes: mount.tmpfsSizeBytes,
    Mode: mount.tmpfsMode,
  });
  const orNone = <T extends object>(options: T): T | undefined =>
    Object.keys(options).length === 0 ? undefined : options;
  return compact<docker.Mount>({
    Type: mount.kind,
    Source: mount.source,
    Target: mount.target,
    ReadOnly: mount.readOnly || undefined,
    BindOptions: orNone(bind),
    VolumeOptions: orNone(volume),
    TmpfsOptions: orNone(tmpfs),
  });
}

const fromHealthCheck = (check: HealthCheck): docker.HealthConfig =>
  compact<docker.HealthConfig>({
    Test: copied(check.test),
    Interval: nanosOf(check.intervalMs),
    Timeout: nanosOf(check.timeoutMs),
    StartPeriod: nanosOf(check.startPeriodMs),
    StartInterval: nanosOf(check.startIntervalMs),
    Retries: check.retries,
  });

const fromDns = (dns: NonNullable<ContainerSpec["dns"]>): NonNullable<docker.ContainerSpec["DNSConfig"]> =>
  compact<NonNullable<docker.ContainerSpec["DNSConfig"]>>({
    Nameservers: copied(dns.nameservers),
    Search: copied(dns.search),
    Options: copied(dns.options),
  });
