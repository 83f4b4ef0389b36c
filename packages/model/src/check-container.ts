import {
  boolean,
  integer,
  list,
  map,
  number,
  object,
  oneOf,
  optional,
  text,
  type Check,
  type CrossCheck,
} from "./check.ts";
import type { ContainerSpec, Device, HealthCheck, Mount, Ulimit } from "./container-spec.ts";
import { configReference, secretReference } from "./check-payload.ts";
import { LIMITS } from "./limits.ts";
import { security } from "./check-security.ts";
import { absolutePath, labels, objectName, options } from "./names.ts";
import { filesOf } from "./payload.ts";
import { withoutActions } from "./template/template.ts";

/** An argument of a program: the kernel takes 128 KiB. */
const argument = text({ max: 131_072 });
const word = (says: string): Check => text({ min: 1, max: 1_024, pattern: /^[^\s\p{C}]+$/u, says });
/** May hold Docker's templates, with their spaces. */
const printable = (max: number): Check =>
  text({ min: 1, max, pattern: /^[^\p{C}]+$/u, says: `1 to ${max} printable characters` });
const duration = number(0, LIMITS.durationMs);

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/** Of a volume: never out of it. */
const subpath = text({
  min: 1,
  max: 4_096,
  pattern: /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))/,
  says: 'a relative path without ".."',
});

const mountFitsKind: CrossCheck<Mount> = (mount, path, report) => {
  const source = mount.source ?? "";
  if (mount.kind === "bind") absolutePath(source, `${path}.source`, report);
  if (mount.kind === "volume" && source !== "") objectName(withoutActions(source), `${path}.source`, report);
  if (mount.kind === "tmpfs" && source !== "") report(`${path}.source`, "must be left out for a tmpfs mount");
  if (mount.kind === "image" && source === "") report(`${path}.source`, "must name an image");
  if (mount.bindReadOnly !== undefined && !mount.readOnly) {
    report(`${path}.bindReadOnly`, "is for read-only mounts only");
  }
  if (mount.bindReadOnly === "force-recursive" && (mount.bindPropagation ?? "rprivate") !== "rprivate") {
    report(`${path}.bindPropagation`, "must be rprivate for a mount that is read-only in all its depth");
  }
  if (normalPath(mount.target) === "/") report(`${path}.target`, 'must not be "/"');
  const of = {
    bind: ["bindPropagation", "bindNonRecursive", "bindCreateSource", "bindReadOnly"],
    volume: ["volumeDriver", "volumeLabels", "volumeNoCopy", "volumeSubpath"],
    tmpfs: ["tmpfsSizeBytes", "tmpfsMode"],
  };
  for (const [kind, fields] of Object.entries(of)) {
    if (kind === mount.kind) continue;
    for (const field of fields) {
      if (Object.hasOwn(mount, field) && mount[field as keyof Mount] !== undefined) {
        report(`${path}.${field}`, `is for ${kind} mounts only`);
      }
    }
  }
};

const mount = object<Mount>(
  {
    kind: oneOf(["bind", "volume", "tmpfs", "image"]),
    source: optional(text({ max: 4_096 })),
    target: absolutePath,
    readOnly: boolean,
    bindPropagation: optional(oneOf(PROPAGATIONS)),
    bindNonRecursive: optional(boolean),
    bindCreateSource: optional(boolean),
    bindReadOnly: optional(oneOf(["non-recursive", "force-recursive"])),
    volumeDriver: optional(object<NonNullable<Mount["volumeDriver"]>>({ name: word("a driver's name"), options })),
    volumeLabels: optional(labels),
    volumeNoCopy: optional(boolean),
    volumeSubpath: optional(subpath),
    tmpfsSizeBytes: optional(integer(0, LIMITS.memoryBytes)),
    tmpfsMode: optional(integer(0, 0o7777)),
  },
  mountFitsKind,
);

const healthCheck = object<HealthCheck>(
  {
    test: optional(list(argument)),
    intervalMs: optional(duration),
    timeoutMs: optional(duration),
    startPeriodMs: optional(duration),
    startIntervalMs: optional(duration),
    retries: optional(integer(0, 1_000_000)),
  },
  (check, path, report) => {
    const form = check.test?.[0];
    if (form === undefined) return;
    oneOf(["NONE", "CMD", "CMD-SHELL"])(form, `${path}.test[0]`, report);
    if (form !== "NONE" && check.test?.length === 1) report(`${path}.test`, `must name a command after ${form}`);
  },
);

const ulimit = object<Ulimit>(
  { name: word("a limit's name"), soft: integer(-1, 2 ** 52), hard: integer(-1, 2 ** 52) },
  (limit, path, report) => {
    if (limit.hard !== -1 && (limit.soft === -1 || limit.soft > limit.hard)) {
      report(`${path}.soft`, "must not be above the hard limit");
    }
  },
);

const environment = text({ min: 1, max: 131_072, pattern: /^[^=]/, says: "NAME=VALUE or NAME" });

const mountTargetsDiffer: CrossCheck<ContainerSpec> = (container, path, report) => {
  const seen = new Map<string, number>();
  for (const [at, { target }] of (container.mounts ?? []).entries()) {
    const first = seen.get(normalPath(target));
    if (first === undefined) seen.set(normalPath(target), at);
    else report(`${path}.mounts[${at}].target`, `must differ from that of mounts[${first}]`);
  }
};

/** What is mounted for a secret or config takes the place of whatever else is there. */
const fileTargetsDiffer: CrossCheck<ContainerSpec> = (container, path, report) => {
  const seen = new Map((container.mounts ?? []).map(({ target }) => [normalPath(target), `the mount at ${target}`]));
  for (const { key, name, target } of filesOf(container)) {
    const other = seen.get(normalPath(target));
    if (other !== undefined) report(`${path}.${key}`, `${name} has the same target as ${other}: ${target}`);
    else seen.set(normalPath(target), name);
  }
};

/** A path without what makes no difference: `//`, `/./`, a slash at the end. */
function normalPath(path: string): string {
  return `/${path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
}

/** Without `..`: what a node permits is said by path. */
const devicePath = text({
  min: 2,
  max: 4_096,
  pattern: /^(?!.*(^|\/)\.\.(\/|$))\/[^\p{C}:]+$/u,
  says: 'an absolute path without ".." and ":"',
});
const device = object<Device>({
  source: devicePath,
  target: devicePath,
  permissions: text({ min: 1, max: 3, pattern: /^(?!.*(.).*\1)[rwm]+$/, says: "r, w and m, each at most once" }),
});

export const container: Check = object<ContainerSpec>(
  {
    image: word("an image's name"),
    command: optional(list(argument)),
    args: optional(list(argument)),
    env: optional(list(environment, 4 * LIMITS.entries)),
    labels: optional(labels),
    hostname: optional(printable(255)),
    workdir: optional(printable(4_096)),
    user: optional(printable(255)),
    groups: optional(list(word("a group"))),
    tty: optional(boolean),
    openStdin: optional(boolean),
    readOnly: optional(boolean),
    init: optional(boolean),
    mounts: optional(list(mount)),
    stopSignal: optional(text({ min: 1, max: 32, pattern: /^[a-zA-Z0-9+-]+$/, says: "a signal's name or number" })),
    stopGracePeriodMs: optional(duration),
    healthCheck: optional(healthCheck),
    hosts: optional(list(printable(1_024))),
    dns: optional(
      object<NonNullable<ContainerSpec["dns"]>>({
        nameservers: optional(list(word("an IP address"))),
        search: optional(list(word("a domain"))),
        options: optional(list(word("a resolver option"))),
      }),
    ),
    oomScoreAdj: optional(integer(-1_000, 1_000)),
    capabilityAdd: optional(list(word("a capability"))),
    capabilityDrop: optional(list(word("a capability"))),
    sysctls: optional(map(word("a sysctl's name"), text({ max: 1_024 }))),
    ulimits: optional(list(ulimit)),
    security: optional(security),
    devices: optional(list(device)),
    privileged: optional(boolean),
    secrets: optional(list(secretReference)),
    configs: optional(list(configReference)),
  },
  mountTargetsDiffer,
  fileTargetsDiffer,
);
