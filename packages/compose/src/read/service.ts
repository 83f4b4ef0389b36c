import { problem, shown } from "../problem.ts";
import type {
  ComposeAttachment,
  ComposeDependency,
  ComposeDevice,
  ComposeHealthcheck,
  ComposePort,
  ComposeReference,
  ComposeService,
} from "../project.ts";
import { isNull, type Mapping } from "../tree.ts";
import { readDeploy } from "./deploy.ts";
import { defined, Fields, textOf } from "./fields.ts";
import { readMounts } from "./mounts.ts";

/** What files beside the Compose file say of a service: `env_file` and `label_file`. */
export interface ServiceFiles {
  readonly environment: (service: Fields, path: string) => ReadonlyMap<string, string | null>;
  readonly labels: (service: Fields, path: string) => ReadonlyMap<string, string>;
}

export function readService(name: string, tree: Mapping, files: ServiceFiles): ComposeService {
  const path = `services.${name}`;
  const service = new Fields(tree);
  for (const handled of ["profiles", "extends"]) service.take(handled);
  const { deploy, requests } = readDeploy(service, path);
  const build = service.take("build");
  const known = {
    name,
    image: service.text("image"),
    build: build?.kind === "mapping" ? readBuild(new Fields(build)) : undefined,
    command: words(service, "command"),
    entrypoint: words(service, "entrypoint"),
    environment: files.environment(service, path),
    labels: files.labels(service, path),
    hostname: service.text("hostname"),
    domainname: service.text("domainname"),
    workingDir: service.text("working_dir"),
    user: service.text("user"),
    groups: service.texts("group_add"),
    tty: service.flag("tty"),
    stdinOpen: service.flag("stdin_open"),
    readOnly: service.flag("read_only"),
    init: service.flag("init"),
    privileged: service.flag("privileged"),
    stopSignal: service.text("stop_signal"),
    stopGracePeriodMs: service.durationMs("stop_grace_period"),
    capAdd: service.texts("cap_add"),
    capDrop: service.texts("cap_drop"),
    sysctls: service.labels("sysctls"),
    ulimits: readUlimits(service, path),
    dns: service.texts("dns"),
    dnsSearch: service.texts("dns_search"),
    dnsOptions: service.texts("dns_opt"),
    extraHosts: service.texts("extra_hosts").map((host): readonly [string, string] => {
      const at = host.indexOf("=");
      return [host.slice(0, at), host.slice(at + 1)];
    }),
    devices: service.each("devices").map(readDevice),
    healthcheck: readHealthcheck(service.fields("healthcheck"), path),
    logging: readLogging(service.fields("logging")),
    ports: service.each("ports").map(readPort),
    networks: readAttachments(service),
    networkMode: service.text("network_mode"),
    mounts: readMounts(service, path),
    configs: service.each("configs").map(readReference),
    secrets: service.each("secrets").map(readReference),
    dependsOn: readDependencies(service),
    deploy,
    oomScoreAdj: service.number("oom_score_adj"),
    isolation: service.text("isolation"),
    shmSizeBytes: service.bytes("shm_size"),
    deviceRequests: requests,
    restart: service.text("restart"),
  };
  return defined<ComposeService>({ ...known, others: service.others() });
}

function readBuild(build: Fields): NonNullable<ComposeService["build"]> {
  return defined<NonNullable<ComposeService["build"]>>({
    context: build.text("context") ?? ".",
    dockerfile: build.text("dockerfile"),
  });
}

/** An empty list is kept: it clears the image's own. */
function words(service: Fields, key: string): readonly string[] | undefined {
  return service.list(key)?.map(textOf);
}

function readUlimits(service: Fields, path: string): ComposeService["ulimits"] {
  const found = new Map<string, { readonly soft: number; readonly hard: number }>();
  for (const [name, tree] of service.entries("ulimits")) {
    const limit = service.open(tree, `ulimits.${name}`);
    const soft = limit.number("soft") ?? 0;
    const hard = limit.number("hard") ?? 0;
    if (hard !== -1 && soft > hard)
      throw problem(tree.place, `${path}.ulimits.${name}`, `soft (${soft}) is at most hard (${hard})`);
    found.set(name, { soft, hard });
  }
  return found;
}

function readDevice(device: Fields): ComposeDevice {
  const source = device.text("source") ?? "";
  return { source, target: device.text("target") ?? source, permissions: device.text("permissions") ?? "rwm" };
}

function readHealthcheck(fields: Fields | undefined, path: string): ComposeHealthcheck | undefined {
  if (fields === undefined) return undefined;
  const test = fields.list("test")?.map(textOf);
  const [first] = test ?? [];
  if (test !== undefined && test.length > 0 && first !== "CMD" && first !== "CMD-SHELL" && first !== "NONE") {
    throw problem(
      fields.tree.place,
      `${path}.healthcheck.test`,
      `the first word is CMD, CMD-SHELL or NONE, not ${shown(first ?? "")}`,
    );
  }
  return defined<ComposeHealthcheck>({
    disable: fields.flag("disable") ?? false,
    test: test === undefined || test.length === 0 ? undefined : test,
    intervalMs: fields.durationMs("interval"),
    timeoutMs: fields.durationMs("timeout"),
    startPeriodMs: fields.durationMs("start_period"),
    startIntervalMs: fields.durationMs("start_interval"),
    retries: fields.number("retries"),
  });
}

function readLogging(fields: Fields | undefined): ComposeService["logging"] {
  if (fields === undefined) return undefined;
  return defined<NonNullable<ComposeService["logging"]>>({
    driver: fields.text("driver"),
    options: fields.labels("options"),
  });
}

function readPort(port: Fields): ComposePort {
  return defined<ComposePort>({
    name: port.text("name"),
    target: port.number("target") ?? 0,
    published: port.number("published"),
    hostIp: port.text("host_ip"),
    protocol: (port.text("protocol") ?? "tcp") as ComposePort["protocol"],
    mode: (port.text("mode") ?? "ingress") as ComposePort["mode"],
    appProtocol: port.text("app_protocol"),
  });
}

function readAttachments(service: Fields): readonly ComposeAttachment[] {
  return [...service.entries("networks")].map(([network, tree]) => {
    const fields = isNull(tree) ? undefined : service.open(tree, `networks.${network}`);
    const told = fields?.labels("driver_opts") ?? new Map<string, string>();
    return defined<ComposeAttachment>({
      network,
      aliases: fields?.texts("aliases") ?? [],
      ipv4Address: fields?.text("ipv4_address"),
      ipv6Address: fields?.text("ipv6_address"),
      macAddress: fields?.text("mac_address"),
      priority: fields?.number("priority"),
      driverOptions: told.size === 0 ? undefined : told,
    });
  });
}

function readReference(fields: Fields): ComposeReference {
  return defined<ComposeReference>({
    source: fields.text("source") ?? "",
    target: fields.text("target"),
    uid: fields.text("uid"),
    gid: fields.text("gid"),
    mode: fields.number("mode"),
  });
}

function readDependencies(service: Fields): readonly ComposeDependency[] {
  return [...service.entries("depends_on")].map(([name, tree]) => {
    const fields = service.open(tree, `depends_on.${name}`);
    return {
      service: name,
      condition: (fields.text("condition") ?? "service_started") as ComposeDependency["condition"],
      restart: fields.flag("restart") ?? false,
      required: fields.flag("required") ?? true,
    };
  });
}
