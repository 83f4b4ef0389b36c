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
import type { ContainerSpec, HealthCheck, Mount, Ulimit } from "./container-spec.ts";
import { LIMITS } from "./limits.ts";
import { absolutePath, labels, objectName, options } from "./names.ts";

/** An argument of a program: the kernel takes 128 KiB. */
const argument = text({ max: 131_072 });
const word = (says: string): Check => text({ min: 1, max: 1_024, pattern: /^[^\s\p{C}]+$/u, says });
/** May hold Docker's templates, with their spaces. */
const printable = (max: number): Check =>
  text({ min: 1, max, pattern: /^[^\p{C}]+$/u, says: `1 to ${max} printable characters` });
const duration = number(0, LIMITS.durationMs);

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

const mountFitsKind: CrossCheck<Mount> = (mount, path, report) => {
  const source = mount.source ?? "";
  if (mount.kind === "bind") absolutePath(source, `${path}.source`, report);
  if (mount.kind === "volume" && source !== "") objectName(source, `${path}.source`, report);
  if (mount.kind === "tmpfs" && source !== "") report(`${path}.source`, "must be left out for a tmpfs mount");
  if (normalPath(mount.target) === "/") report(`${path}.target`, 'must not be "/"');
  const of = {
    bind: ["bindPropagation"],
    volume: ["volumeDriver", "volumeLabels", "volumeNoCopy"],
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
    kind: oneOf(["bind", "volume", "tmpfs"]),
    source: optional(text({ max: 4_096 })),
    target: absolutePath,
    readOnly: boolean,
    bindPropagation: optional(oneOf(PROPAGATIONS)),
    volumeDriver: optional(object<NonNullable<Mount["volumeDriver"]>>({ name: word("a driver's name"), options })),
    volumeLabels: optional(labels),
    volumeNoCopy: optional(boolean),
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

/** A path without what makes no difference: `//`, `/./`, a slash at the end. */
function normalPath(path: string): string {
  return `/${path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
}

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
    capabilityAdd: optional(list(word("a capability"))),
    capabilityDrop: optional(list(word("a capability"))),
    sysctls: optional(map(word("a sysctl's name"), text({ max: 1_024 }))),
    ulimits: optional(list(ulimit)),
  },
  mountTargetsDiffer,
);
