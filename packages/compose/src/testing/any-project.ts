import * as fc from "fast-check";

import type {
  ComposeDeploy,
  ComposeMount,
  ComposeNetwork,
  ComposePayload,
  ComposeService,
  ComposeUpdate,
  ComposeVolume,
  Project,
} from "../project.ts";
import { encodeUtf8 } from "../utf8.ts";

/* Any project that a Compose file can stand for. */

/** With what YAML, variables and JSON have in their way. */
const text = fc.oneof(
  fc
    .string({ unit: "grapheme" })
    .filter((given) => !/[\uD800-\uDFFF\uFEFF]/.test(given.replaceAll(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g, ""))),
  fc.constantFrom(
    "$A",
    "${A:?x}",
    "$$",
    "no",
    "0440",
    "1e3",
    "~",
    "null",
    "<<",
    "a\nb\n",
    " a ",
    "- a",
    "# a",
    "a: b",
    "1:20",
    "2026-01-01",
    "{{.Task.Name}}",
    "\r\n",
    "\t",
  ),
);
const word = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,7}$/);
const name = fc.constantFrom("a", "b", "c.d", "no", "1", "x-y");
const key = fc.oneof(word, fc.constantFrom("<<", "__proto__", "constructor", "1", "$A", "a b", "no"));
const map = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<ReadonlyMap<string, T>> =>
  fc.uniqueArray(fc.tuple(key, values), { selector: ([one]) => one, maxLength: 3 }).map((entries) => new Map(entries));
const few = <T>(items: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(items, { maxLength: 3 });
const set = (items: fc.Arbitrary<string>): fc.Arbitrary<string[]> => fc.uniqueArray(items, { maxLength: 3 });
const ms = fc.oneof(fc.nat(), fc.nat(100_000), fc.constantFrom(0, 1, 3_600_000));
const nanoCpus = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 40 }));
const bytes = fc.nat();
/** Any of the fields, each left out now and then. */
const some = <T extends object>(fields: {
  readonly [K in keyof T]-?: fc.Arbitrary<NonNullable<T[K]>>;
}): fc.Arbitrary<T> => fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<T>;
const both = <T extends object, R extends object>(one: fc.Arbitrary<T>, other: fc.Arbitrary<R>): fc.Arbitrary<T & R> =>
  fc.tuple(one, other).map(([left, right]) => ({ ...left, ...right }));
const port = fc.integer({ min: 1, max: 65_535 });

const update = some<ComposeUpdate>({
  parallelism: fc.nat(9),
  delayMs: ms,
  failureAction: fc.constantFrom("pause", "continue"),
  monitorMs: ms,
  maxFailureRatio: fc.double({ min: 0, max: 1, noNaN: true }).filter((ratio) => !Object.is(ratio, -0)),
  order: fc.constantFrom("stop-first", "start-first"),
});
const amounts = { nanoCpus, memoryBytes: bytes };
const deploy: fc.Arbitrary<ComposeDeploy> = both(
  fc.record({ labels: map(text) }),
  some<Omit<ComposeDeploy, "labels">>({
    mode: fc.constantFrom("replicated", "global", "replicated-job", "global-job"),
    replicas: fc.nat(9),
    endpointMode: fc.constantFrom("vip", "dnsrr"),
    placement: both(
      fc.record({ constraints: set(text), preferences: few(text) }),
      some<{ maxReplicasPerNode?: number }>({ maxReplicasPerNode: fc.nat(9) }),
    ),
    limits: some<NonNullable<ComposeDeploy["limits"]>>({
      ...amounts,
      pids: fc.nat(),
      genericResources: fc.constant([]),
    }).map(({ genericResources: _none, ...limits }) => limits),
    reservations: some<NonNullable<ComposeDeploy["reservations"]>>({
      ...amounts,
      pids: fc.nat(),
      genericResources: fc.array(fc.record({ kind: text, value: fc.nat(9) }), { minLength: 1, maxLength: 2 }),
    }).map(({ pids: _none, ...reservations }) => reservations),
    restartPolicy: some<NonNullable<ComposeDeploy["restartPolicy"]>>({
      condition: fc.constantFrom("none", "on-failure", "any"),
      delayMs: ms,
      maxAttempts: fc.nat(9),
      windowMs: ms,
    }),
    updateConfig: update,
    rollbackConfig: update,
  }),
);

const target = fc.stringMatching(/^\/[a-z]{1,6}$/);
const mount: fc.Arbitrary<ComposeMount> = fc.oneof(
  both(
    fc.record({ type: fc.constant("volume" as const), source: fc.constant("data"), target, readOnly: fc.boolean() }),
    some<Pick<ComposeMount, "volume" | "consistency">>({
      volume: some<NonNullable<ComposeMount["volume"]>>({ nocopy: fc.boolean(), subpath: text }),
      consistency: text,
    }),
  ),
  both(
    fc.record({ type: fc.constant("bind" as const), source: target, target, readOnly: fc.boolean() }),
    some<Pick<ComposeMount, "bind">>({
      bind: some<NonNullable<ComposeMount["bind"]>>({
        propagation: word,
        createHostPath: fc.boolean(),
        selinux: fc.constantFrom("z", "Z"),
      }),
    }),
  ),
  both(
    fc.record({ type: fc.constant("tmpfs" as const), target, readOnly: fc.boolean() }),
    some<Pick<ComposeMount, "tmpfs">>({
      tmpfs: some<NonNullable<ComposeMount["tmpfs"]>>({ sizeBytes: bytes, mode: fc.nat(0o1777) }),
    }),
  ),
);

const reference = both(
  fc.record({ source: fc.constantFrom("one", "two") }),
  some<{ target?: string; uid?: string; gid?: string; mode?: number }>({
    target: text,
    uid: text,
    gid: text,
    mode: fc.nat(0o777),
  }),
);
const referenceKey = ({ source, target }: { readonly source: string; readonly target?: string }): string =>
  (target ?? source).replace(/^\/(?:run\/secrets\/)?/, "");
const references = fc.uniqueArray(reference, { selector: referenceKey, maxLength: 2 });

const service = (own: string, networks: readonly string[]): fc.Arbitrary<ComposeService> =>
  both(
    fc.record({
      name: fc.constant(own),
      environment: map(fc.oneof(text, fc.constant(null))),
      labels: map(text),
      groups: set(text),
      capAdd: set(text),
      capDrop: set(text),
      sysctls: map(text),
      ulimits: fc
        .dictionary(fc.constantFrom("nofile", "core"), fc.nat())
        .map((limits) => new Map(Object.entries(limits).map(([limit, most]) => [limit, { soft: most, hard: most }]))),
      dns: set(text),
      dnsSearch: set(text),
      dnsOptions: set(text),
      extraHosts: fc.uniqueArray(fc.tuple(word, fc.constantFrom("10.0.0.1", "::1")), {
        selector: String,
        maxLength: 2,
      }),
      devices: fc.uniqueArray(fc.record({ source: text, target: text, permissions: text }), {
        selector: (device) => device.target,
        maxLength: 2,
      }),
      deviceRequests: few(
        both(
          fc.record({
            deviceIds: fc.constant([] as string[]),
            capabilities: fc.uniqueArray(text, { minLength: 1, maxLength: 2 }),
          }),
          some<{ driver?: string; count?: number }>({ driver: text, count: fc.nat(9) }),
        ),
      ),
      ports: fc.uniqueArray(
        both(
          fc.record({
            target: port,
            protocol: fc.constantFrom("tcp", "udp"),
            mode: fc.constantFrom("ingress", "host"),
          }),
          some<{ name?: string; published?: number; hostIp?: string; appProtocol?: string }>({
            name: text,
            published: port,
            hostIp: fc.constantFrom("127.0.0.1", "::1"),
            appProtocol: text,
          }),
        ),
        { selector: (one) => one.target, maxLength: 2 },
      ),
      networks: fc.subarray([...networks]).chain((members) =>
        fc.tuple(
          ...members.map((network) =>
            both(
              fc.record({ network: fc.constant(network), aliases: set(text) }),
              some<{ ipv4Address?: string; priority?: number; driverOptions?: ReadonlyMap<string, string> }>({
                ipv4Address: fc.constant("10.0.0.9"),
                priority: fc.nat(9),
                driverOptions: fc.constant(new Map([["a", "b"]])),
              }),
            ),
          ),
        ),
      ),
      mounts: fc.uniqueArray(mount, { selector: (one) => one.target, maxLength: 3 }),
      configs: references,
      secrets: references,
      dependsOn:
        own === "web"
          ? fc.subarray([{ service: "db", condition: "service_healthy", restart: true, required: false } as const])
          : fc.constant([]),
      deploy,
      others: fc.constant([]),
      image: text.filter((image) => image !== ""),
    }),
    some({
      build: both(fc.record({ context: fc.constant("/app") }), some<{ dockerfile?: string }>({ dockerfile: text })),
      command: few(text),
      entrypoint: few(text),
      hostname: text,
      workingDir: text,
      user: text,
      tty: fc.boolean(),
      init: fc.boolean(),
      readOnly: fc.boolean(),
      stopSignal: text,
      stopGracePeriodMs: ms,
      healthcheck: both(
        fc.record({ disable: fc.boolean() }),
        some<Omit<NonNullable<ComposeService["healthcheck"]>, "disable">>({
          test: fc.array(text, { maxLength: 2 }).map((words) => ["CMD", ...words]),
          intervalMs: ms,
          timeoutMs: ms,
          startPeriodMs: ms,
          startIntervalMs: ms,
          retries: fc.nat(9),
        }),
      ),
      logging: both(fc.record({ options: map(text) }), some<{ driver?: string }>({ driver: text })),
      oomScoreAdj: fc.integer({ min: -1000, max: 1000 }).filter((score) => !Object.is(score, -0)),
      shmSizeBytes: bytes,
      restart: fc.constantFrom("no", "always", "unless-stopped", "on-failure:3"),
    }),
  );

const external = fc.oneof(
  fc.constant({ external: true }),
  text.map((own) => ({ external: true, name: own })),
);
const plainNetwork: fc.Arbitrary<ComposeNetwork> = both(
  fc.record({ external: fc.constant(false), driverOptions: map(text), labels: map(text), others: fc.constant([]) }),
  some({
    name: text,
    driver: text,
    internal: fc.boolean(),
    attachable: fc.boolean(),
    enableIpv6: fc.boolean(),
    ipam: both(
      fc.record({
        config: fc.uniqueArray(fc.record({ subnet: text, gateway: text, auxAddresses: map(text) }), {
          selector: (one) => one.subnet,
          maxLength: 2,
        }),
        options: map(text),
      }),
      some<{ driver?: string }>({ driver: text }),
    ),
  }),
);
const empty = { driverOptions: new Map<string, string>(), labels: new Map<string, string>(), others: [] };
const network = fc.oneof(
  plainNetwork,
  external.map((own): ComposeNetwork => ({ ...own, ...empty })),
);
const volume: fc.Arbitrary<ComposeVolume> = fc.oneof(
  both(
    fc.record({ external: fc.constant(false), driverOptions: map(text), labels: map(text), others: fc.constant([]) }),
    some<{ name?: string; driver?: string }>({ name: text, driver: text }),
  ),
  external.map((own): ComposeVolume => ({ ...own, ...empty })),
);
const config: fc.Arbitrary<ComposePayload> = fc.oneof(
  fc.record({
    external: fc.constant(false),
    data: text.map(encodeUtf8),
    labels: map(text),
    driverOptions: fc.constant(new Map()),
    others: fc.constant([]),
  }),
  external.map((own): ComposePayload => ({ ...own, ...empty })),
);
const secret = external.map((own): ComposePayload => ({ ...own, ...empty }));

export const anyProject: fc.Arbitrary<Project> = set(name).chain((networks) =>
  fc.record({
    services: fc
      .tuple(service("web", networks), service("db", networks))
      .map((all) => new Map(all.map((one) => [one.name, one]))),
    networks: fc
      .tuple(...networks.map(() => network))
      .map((all) => new Map(all.map((one, at) => [networks[at] ?? "", one]))),
    volumes: volume.map((one) => new Map([["data", one]])),
    configs: fc.tuple(config, config).map(
      ([one, two]) =>
        new Map([
          ["one", one],
          ["two", two],
        ]),
    ),
    secrets: fc.tuple(secret, secret).map(
      ([one, two]) =>
        new Map([
          ["one", one],
          ["two", two],
        ]),
    ),
  }),
);
