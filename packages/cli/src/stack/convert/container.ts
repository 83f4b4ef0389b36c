import type { ContainerSpec, HealthConfig, Mount, ConfigReference, SecretReference } from "@murmur/api";
import type { ComposeHealthcheck, ComposeService } from "@murmur/compose";
import { STACK_LABEL } from "../stack-name.ts";
import { nanoseconds } from "./nanoseconds.ts";

interface Parts {
  readonly mounts: Mount[];
  readonly configs: ConfigReference[];
  readonly secrets: SecretReference[];
}

/** What a service's containers are made with. What the file doesn't say is left to the image. */
export function containerOf(service: ComposeService, stack: string, parts: Parts): ContainerSpec {
  const dns = dnsOf(service);
  const check = service.healthcheck === undefined ? undefined : healthOf(service.healthcheck);
  const capabilities = capabilitiesOf(service);
  const ulimits = [...service.ulimits].map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard }));
  return {
    Image: service.image ?? "",
    Labels: { ...Object.fromEntries(service.labels), [STACK_LABEL]: stack },
    ...list("Command", service.entrypoint),
    ...list("Args", service.command),
    ...(service.hostname !== undefined && { Hostname: service.hostname }),
    ...list("Env", environmentOf(service)),
    ...(service.workingDir !== undefined && { Dir: service.workingDir }),
    ...(service.user !== undefined && { User: service.user }),
    ...list("Groups", service.groups),
    ...(service.tty === true && { TTY: true }),
    ...(service.stdinOpen === true && { OpenStdin: true }),
    ...(service.readOnly === true && { ReadOnly: true }),
    ...(service.init !== undefined && { Init: service.init }),
    ...list("Mounts", parts.mounts),
    ...(service.stopSignal !== undefined && { StopSignal: service.stopSignal }),
    ...(service.stopGracePeriodMs !== undefined && { StopGracePeriod: nanoseconds(service.stopGracePeriodMs) }),
    ...(check !== undefined && { Healthcheck: check }),
    ...list(
      "Hosts",
      service.extraHosts.map(([name, address]) => `${address} ${name}`),
    ),
    ...(dns !== undefined && { DNSConfig: dns }),
    ...list("CapabilityAdd", capabilities.add),
    ...list("CapabilityDrop", capabilities.drop),
    ...(service.sysctls.size > 0 && { Sysctls: Object.fromEntries(service.sysctls) }),
    ...list(
      "Ulimits",
      ulimits.toSorted((a, b) => (a.Name < b.Name ? -1 : 1)),
    ),
    ...(service.oomScoreAdj !== undefined && { OomScoreAdj: service.oomScoreAdj }),
    ...list("Configs", parts.configs),
    ...list("Secrets", parts.secrets),
  };
}

/** Nothing said, nothing sent. */
const list = <const K extends string, T>(key: K, entries: readonly T[] | undefined): { [key in K]?: T[] } =>
  entries === undefined || entries.length === 0 ? {} : ({ [key]: [...entries] } as { [key in K]?: T[] });

/** In one order, so that the order of the file is no change. A variable that is taken from nowhere isn't set. */
const environmentOf = ({ environment }: ComposeService): readonly string[] =>
  [...environment].flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`])).toSorted();

function healthOf(check: ComposeHealthcheck): HealthConfig {
  if (check.disable) return { Test: ["NONE"] };
  const { test, intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries } = check;
  return {
    ...(test !== undefined && { Test: [...test] }),
    ...(intervalMs !== undefined && { Interval: nanoseconds(intervalMs) }),
    ...(timeoutMs !== undefined && { Timeout: nanoseconds(timeoutMs) }),
    ...(startPeriodMs !== undefined && { StartPeriod: nanoseconds(startPeriodMs) }),
    ...(startIntervalMs !== undefined && { StartInterval: nanoseconds(startIntervalMs) }),
    ...(retries !== undefined && { Retries: retries }),
  };
}

function dnsOf({ dns, dnsSearch, dnsOptions }: ComposeService): ContainerSpec["DNSConfig"] {
  if (dns.length + dnsSearch.length + dnsOptions.length === 0) return undefined;
  return {
    ...list("Nameservers", dns),
    ...list("Search", dnsSearch),
    ...list("Options", dnsOptions),
  };
}

/** As Docker writes them: `CAP_NET_ADMIN`; what is both added and dropped is added, and ALL is alone. */
function capabilitiesOf(service: ComposeService): {
  readonly add: readonly string[];
  readonly drop: readonly string[];
} {
  const add = capabilityNames(service.capAdd);
  return { add, drop: capabilityNames(service.capDrop).filter((name) => !add.includes(name)) };
}

function capabilityNames(names: readonly string[]): readonly string[] {
  const written = names
    .map((name) => name.toUpperCase())
    .map((name) => (/^(ALL$|CAP_)/.test(name) ? name : `CAP_${name}`));
  return written.includes("ALL") ? ["ALL"] : [...new Set(written)].toSorted();
}
