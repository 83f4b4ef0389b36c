import {
  BALANCINGS,
  configId,
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  DEFAULTED_PARTS,
  networkId,
  secretId,
  servedByProxy,
  type ContainerSpec,
  type DefaultedPart,
  type Mount,
  type Placement,
  type PortConfig,
  type ResourceRequirements,
  type ServiceMode,
  type ServiceSpec,
  type TaskSpec,
  type UpdateConfig,
} from "@murmur/model";
import * as fc from "fast-check";
import { compact } from "../docker/compact.ts";

/* Any service that the model takes and that is in the form which the translation gives: nothing said, nothing there. */

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const words = fc.array(word, { minLength: 1, maxLength: 3 });
const labels = fc.dictionary(word, fc.string({ maxLength: 8 }).filter(isPlain), { maxKeys: 3 });
const someLabels = labels.filter((map) => Object.keys(map).length > 0);
const durationMs = fc.oneof(
  fc.integer({ min: 0, max: 3_600_000 }),
  fc.integer({ min: 1, max: 999_999 }).map((n) => n / 1e3),
);
const positiveMs = durationMs.filter((ms) => ms > 0);
/** Docker takes no shorter ones. */
const healthMs = positiveMs.filter((ms) => ms >= 1);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

function isPlain(text: string): boolean {
  return !text.includes("\0") && !text.includes("{{") && text.isWellFormed();
}

const bind = fc.record({
  kind: fc.constant("bind" as const),
  source: word.map((name) => `/${name}`),
  readOnly: fc.boolean(),
  bindPropagation: maybe(fc.constantFrom("private" as const, "rslave" as const)),
  bindNonRecursive: maybe(fc.constant(true)),
  bindCreateSource: maybe(fc.constant(true)),
});
const volume = fc.record({
  kind: fc.constant("volume" as const),
  source: maybe(word),
  readOnly: fc.boolean(),
  volumeDriver: maybe(fc.record({ name: word, options: labels })),
  volumeLabels: maybe(someLabels),
  volumeNoCopy: maybe(fc.constant(true)),
});
const tmpfs = fc.record({
  kind: fc.constant("tmpfs" as const),
  readOnly: fc.boolean(),
  tmpfsSizeBytes: maybe(fc.integer({ min: 1, max: 2 ** 40 })),
  tmpfsMode: maybe(fc.integer({ min: 1, max: 0o777 })),
});
const locked = fc.record({
  kind: fc.constant("bind" as const),
  source: fc.constant("/locked"),
  readOnly: fc.constant(true),
  bindReadOnly: fc.constantFrom("non-recursive" as const, "force-recursive" as const),
});
const imageMount = fc.record({ kind: fc.constant("image" as const), source: word, readOnly: fc.boolean() });
const mounts = fc
  .array(fc.oneof(bind, volume, tmpfs, locked, imageMount), { minLength: 1, maxLength: 4 })
  .map((list) => list.map((mount, at) => compact<Mount>({ ...mount, target: `/mnt/${String(at)}` })));

const healthCheck = fc
  .record({
    test: maybe(words.map((rest) => ["CMD", ...rest])),
    intervalMs: maybe(healthMs),
    timeoutMs: maybe(healthMs),
    startPeriodMs: maybe(healthMs),
    startIntervalMs: maybe(healthMs),
    retries: maybe(fc.integer({ min: 1, max: 10 })),
  })
  .map((check) => compact<NonNullable<ContainerSpec["healthCheck"]>>(check))
  .filter((check) => Object.keys(check).length > 0);

const dns = fc
  .record({ nameservers: maybe(fc.constant(["9.9.9.9"])), search: maybe(words), options: maybe(words) })
  .map((config) => compact<NonNullable<ContainerSpec["dns"]>>(config))
  .filter((config) => Object.keys(config).length > 0);

const file = (name: string) =>
  fc.record({
    name: fc.constantFrom(name, `/etc/${name}`),
    uid: fc.nat(0xffff_ffff),
    gid: fc.nat(2_000),
    mode: fc.nat(0o7777),
  });
const secret = file("s").map((target) => ({ secretId: secretId("s1"), secretName: "key", file: target }));
const config = file("c").map((target) => ({ configId: configId("c1"), configName: "conf", file: target }));

const container = fc
  .record({
    image: word,
    command: maybe(words),
    args: maybe(words),
    env: maybe(words.map((list) => list.map((name) => `${name}=x`))),
    labels: maybe(someLabels),
    hostname: maybe(word),
    workdir: maybe(word.map((name) => `/${name}`)),
    user: maybe(fc.constant("1000:1000")),
    groups: maybe(words),
    tty: maybe(fc.constant(true)),
    openStdin: maybe(fc.constant(true)),
    readOnly: maybe(fc.constant(true)),
    init: maybe(fc.boolean()),
    oomScoreAdj: maybe(fc.constantFrom(-1_000, -1, 1, 1_000)),
    mounts: maybe(mounts),
    stopSignal: maybe(fc.constant("SIGINT")),
    stopGracePeriodMs: maybe(durationMs),
    healthCheck: maybe(healthCheck),
    hosts: maybe(fc.constant(["10.0.0.9 db"])),
    dns: maybe(dns),
    capabilityAdd: maybe(fc.constant(["CAP_NET_ADMIN"])),
    capabilityDrop: maybe(fc.constant(["CAP_CHOWN"])),
    sysctls: maybe(fc.constant({ "net.core.somaxconn": "1024" })),
    devices: maybe(fc.constant([{ source: "/dev/a", target: "/dev/b", permissions: "rw" }])),
    privileged: maybe(fc.constant(true)),
    security: maybe(
      fc.constantFrom<NonNullable<ContainerSpec["security"]>>(
        { noNewPrivileges: true },
        { seccomp: { kind: "custom", profile: '{"defaultAction":"SCMP_ACT_ALLOW"}' }, apparmor: "disabled" },
        { seccomp: { kind: "unconfined" }, selinux: { disabled: true } },
        { selinux: { user: "u", role: "r", type: "t", level: "s0:c1" } },
      ),
    ),
    ulimits: maybe(fc.constant([{ name: "nofile", soft: 100, hard: 200 }])),
    secrets: maybe(secret.map((one) => [one])),
    configs: maybe(config.map((one) => [one])),
  })
  .map((spec) => compact<ContainerSpec>(spec));

/** Docker's least amounts. */
const noneOr = (min: number, max: number) => fc.oneof(fc.constant(0), fc.integer({ min, max }));
const amount = fc.record({
  nanoCpus: noneOr(1_000_000, 4_000_000_000),
  memoryBytes: noneOr(4 * 2 ** 20, 2 ** 40),
});
const resources = fc
  .record({
    kinds: fc.uniqueArray(fc.tuple(fc.constantFrom("gpu", "NVIDIA-GPU", "ssd"), fc.integer({ min: 1, max: 9 })), {
      maxLength: 2,
      selector: ([kind]) => kind,
    }),
    names: fc.uniqueArray(word, { maxLength: 2 }),
    reservations: amount,
    pids: fc.integer({ min: 0, max: 1_000 }),
    more: amount,
    limited: fc.boolean(),
    swapBytes: maybe(fc.integer({ min: -1, max: 2 ** 40 })),
    swappiness: maybe(fc.integer({ min: 0, max: 100 })),
  })
  .map(({ kinds, names, reservations, pids, more, limited, swapBytes, swappiness }) => {
    const limit = (own: number, extra: number): number => (limited ? own + extra : 0);
    const nanoCpus = limit(reservations.nanoCpus, more.nanoCpus);
    const reserved = {
      ...reservations,
      ...(kinds.length > 0 && { generic: Object.fromEntries(kinds) }),
      ...(names.length > 0 && { genericNames: { gpu: names } }),
    };
    const memoryBytes = limit(reservations.memoryBytes, more.memoryBytes);
    return compact<ResourceRequirements>({
      reservations: reserved,
      limits: { nanoCpus, memoryBytes, pids },
      swapBytes: memoryBytes > 0 ? swapBytes : undefined,
      swappiness,
    });
  });

const placement: fc.Arbitrary<Placement> = fc
  .record({
    strategy: maybe(fc.constantFrom("spread" as const, "binpack" as const)),
    constraints: fc.array(
      fc.record({
        key: fc.constantFrom("node.role", "node.labels.zone", "node.hostname"),
        operator: fc.constantFrom("==" as const, "!=" as const),
        value: word,
      }),
      { maxLength: 3 },
    ),
    preferences: fc.array(
      word.map((name) => ({ spread: `node.labels.${name}` })),
      { maxLength: 2 },
    ),
    maxReplicasPerNode: fc.integer({ min: 0, max: 5 }),
    platforms: fc.array(
      fc
        .record({ os: maybe(fc.constant("linux")), architecture: maybe(fc.constant("x86_64")) })
        .map((platform) => compact<Placement["platforms"][number]>(platform)),
      { maxLength: 2 },
    ),
  })
  .map((from) => compact<Placement>(from));

const task = fc
  .record({
    container,
    resources,
    restart: fc.record({
      condition: fc.constantFrom("none" as const, "on-failure" as const, "any" as const),
      delayMs: durationMs,
      maxAttempts: fc.integer({ min: 0, max: 9 }),
      windowMs: durationMs,
    }),
    placement,
    networks: fc.constantFrom(
      [],
      [{ target: networkId("net0"), aliases: ["a", "b"] }],
      [{ target: networkId("net0"), aliases: [], driverOptions: { c: "d" } }],
    ),
    logDriver: maybe(fc.record({ name: word, options: labels })),
    forceUpdate: fc.nat(100),
  })
  .map((spec) => compact<TaskSpec>(spec));

const update = (actions: readonly UpdateConfig["failureAction"][]): fc.Arbitrary<UpdateConfig> =>
  fc.record({
    parallelism: fc.nat(10),
    delayMs: durationMs,
    failureAction: fc.constantFrom(...actions),
    monitorMs: positiveMs,
    maxFailureRatio: fc.double({ min: 0, max: 1, noNaN: true }).map(Math.abs),
    order: fc.constantFrom("stop-first" as const, "start-first" as const),
  });

const mode: fc.Arbitrary<ServiceMode> = fc.oneof(
  fc.record({ kind: fc.constant("replicated" as const), replicas: fc.nat(100) }),
  fc.record({ kind: fc.constant("global" as const) }),
  fc.record({
    kind: fc.constant("replicated-job" as const),
    maxConcurrent: fc.nat(9),
    totalCompletions: fc.nat(9),
  }),
  fc.record({ kind: fc.constant("global-job" as const) }),
);

const balancing = fc.record({
  balancing: maybe(fc.constantFrom(...BALANCINGS)),
  proxyProtocol: maybe(fc.constant(true)),
  localFirst: maybe(fc.constant(true)),
});

const ports: fc.Arbitrary<PortConfig[]> = fc
  .uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 3 })
  .chain((numbers) =>
    fc.tuple(
      ...numbers.map((publishedPort) =>
        fc
          .record({
            name: maybe(word),
            protocol: fc.constantFrom("tcp" as const, "udp" as const, "sctp" as const),
            targetPort: fc.integer({ min: 1, max: 65_535 }),
            publishedPort: fc.constantFrom(0, publishedPort),
            mode: fc.constantFrom("ingress" as const, "host" as const),
            hostIp: maybe(fc.constantFrom("10.0.0.1", "fd00::1", "0.0.0.0")),
          })
          .chain((port) => (port.mode === "host" ? fc.constant({}) : balancing).map((more) => ({ ...port, ...more })))
          .map((port) => compact<PortConfig>(port))
          .filter((port) => port.protocol === "tcp" || !servedByProxy(port)),
      ),
    ),
  );

const endpoint: fc.Arbitrary<ServiceSpec["endpoint"]> = fc.oneof(
  fc.record({ mode: fc.constant("vip" as const), ports }),
  fc.record({
    mode: fc.constant("dnsrr" as const),
    ports: ports.map((list) => list.filter((port) => port.mode === "host")),
  }),
);

/** A job has nothing to say of its updates. */
const whole: fc.Arbitrary<ServiceSpec> = fc
  .record({
    name: word,
    labels,
    mode,
    task,
    update: update(["pause", "continue", "rollback"]),
    rollback: update(["pause", "continue"]),
    endpoint,
  })
  .map((spec) => (isJob(spec) ? { ...spec, update: DEFAULT_UPDATE, rollback: DEFAULT_UPDATE } : spec));

const isJob = ({ mode: { kind } }: Pick<ServiceSpec, "mode">): boolean => kind.endsWith("-job");

const NOTHING = { nanoCpus: 0, memoryBytes: 0 };
const withTask = (spec: ServiceSpec, task: Partial<TaskSpec>): ServiceSpec => ({
  ...spec,
  task: { ...spec.task, ...task },
});

/** Without a part, and so with its default. */
const LEAVE_OUT: Readonly<Record<DefaultedPart, (spec: ServiceSpec) => ServiceSpec>> = {
  "task.resources": (spec) => withTask(spec, { resources: { reservations: NOTHING, limits: { ...NOTHING, pids: 0 } } }),
  "task.resources.limits": (spec) => {
    const { swapBytes: _needsLimit, ...resources } = spec.task.resources;
    return withTask(spec, { resources: { ...resources, limits: { ...NOTHING, pids: 0 } } });
  },
  "task.resources.reservations": (spec) =>
    withTask(spec, { resources: { ...spec.task.resources, reservations: NOTHING } }),
  "task.restart": (spec) => withTask(spec, { restart: DEFAULT_RESTART }),
  "task.restart.delayMs": (spec) =>
    withTask(spec, { restart: { ...spec.task.restart, delayMs: DEFAULT_RESTART.delayMs } }),
  "task.restart.windowMs": (spec) =>
    withTask(spec, { restart: { ...spec.task.restart, windowMs: DEFAULT_RESTART.windowMs } }),
  "task.placement": (spec) =>
    withTask(spec, { placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] } }),
  update: (spec) => ({ ...spec, update: DEFAULT_UPDATE }),
  "update.monitorMs": (spec) => ({ ...spec, update: { ...spec.update, monitorMs: DEFAULT_UPDATE.monitorMs } }),
  rollback: (spec) => ({ ...spec, rollback: DEFAULT_UPDATE }),
  "rollback.monitorMs": (spec) => ({ ...spec, rollback: { ...spec.rollback, monitorMs: DEFAULT_UPDATE.monitorMs } }),
  endpoint: (spec) => ({ ...spec, endpoint: { mode: "vip", ports: [] } }),
};

/** Some parts were left out, all that is in one with it, and of a job what it can't say. */
export const serviceSpecs: fc.Arbitrary<ServiceSpec> = fc
  .tuple(whole, fc.subarray([...DEFAULTED_PARTS]))
  .map(([spec, chosen]) => {
    const left = [...chosen, ...(isJob(spec) ? (["update", "rollback"] as const) : [])];
    const defaulted = DEFAULTED_PARTS.filter((part) => left.some((one) => part === one || part.startsWith(`${one}.`)));
    if (defaulted.length === 0) return spec;
    return { ...left.reduce((before, part) => LEAVE_OUT[part](before), spec), defaulted };
  });
