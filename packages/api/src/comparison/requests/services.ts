import { clear, filtered, get, post, remove, type Step, type Topic } from "../step.ts";

const IMAGE = "murmur/web:latest";
/** Waits for a node that isn't there, so that its tasks don't change while they are compared. */
const NOWHERE = { Constraints: ["node.labels.nowhere==true"] };
const task = (container: object = {}, more: object = {}) => ({
  ContainerSpec: { Image: IMAGE, ...container },
  Placement: NOWHERE,
  ...more,
});
const spec = (Name: string, more: object = {}) => ({ Name, TaskTemplate: task(), ...more });

/** Each makes a service, looks at it and removes it: what of a spec comes back, and how. */
const FULL: readonly (readonly [string, object])[] = [
  ["plain", {}],
  ["labels", { Labels: { a: "b", c: "" } }],
  ["replicas", { Mode: { Replicated: { Replicas: 3 } } }],
  ["no-replicas", { Mode: { Replicated: { Replicas: 0 } } }],
  ["global", { Mode: { Global: {} } }],
  ["job", { Mode: { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 4 } } }],
  ["job-one", { Mode: { ReplicatedJob: {} } }],
  ["global-job", { Mode: { GlobalJob: {} } }],
  ["empty-mode", { Mode: {} }],
  [
    "words",
    { TaskTemplate: task({ Command: ["/bin/web"], Args: ["a", "b"], Env: ["A=B", "C"], Dir: "/tmp", User: "nobody" }) },
  ],
  ["host", { TaskTemplate: task({ Hostname: "h1", Hosts: ["192.0.2.9 elsewhere"], Groups: ["nogroup"] }) }],
  ["tty", { TaskTemplate: task({ TTY: true, OpenStdin: true, ReadOnly: true, Init: true }) }],
  ["false", { TaskTemplate: task({ TTY: false, OpenStdin: false, ReadOnly: false, Init: false }) }],
  ["stop", { TaskTemplate: task({ StopSignal: "SIGINT", StopGracePeriod: 5_000_000_000 }) }],
  ["no-grace", { TaskTemplate: task({ StopGracePeriod: 0 }) }],
  [
    "health",
    {
      TaskTemplate: task({
        Healthcheck: {
          Test: ["CMD", "true"],
          Interval: 1_000_000_000,
          Timeout: 2_000_000_000,
          Retries: 3,
          StartPeriod: 4_000_000_000,
        },
      }),
    },
  ],
  ["health-none", { TaskTemplate: task({ Healthcheck: { Test: ["NONE"] } }) }],
  ["health-empty", { TaskTemplate: task({ Healthcheck: {} }) }],
  [
    "dns",
    { TaskTemplate: task({ DNSConfig: { Nameservers: ["192.0.2.53"], Search: ["a.example"], Options: ["ndots:2"] } }) },
  ],
  ["dns-empty", { TaskTemplate: task({ DNSConfig: {} }) }],
  ["caps", { TaskTemplate: task({ CapabilityAdd: ["NET_ADMIN"], CapabilityDrop: ["ALL"] }) }],
  ["caps-prefix", { TaskTemplate: task({ CapabilityAdd: ["CAP_NET_ADMIN"] }) }],
  [
    "sysctls",
    {
      TaskTemplate: task({
        Sysctls: { "net.core.somaxconn": "1024" },
        Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
      }),
    },
  ],
  ["container-labels", { TaskTemplate: task({ Labels: { x: "y" } }) }],
  [
    "bind",
    {
      TaskTemplate: task({
        Mounts: [
          {
            Type: "bind",
            Source: "/tmp",
            Target: "/mnt",
            ReadOnly: true,
            BindOptions: { Propagation: "rslave", NonRecursive: true },
          },
        ],
      }),
    },
  ],
  [
    "volume",
    {
      TaskTemplate: task({
        Mounts: [
          {
            Type: "volume",
            Source: "v1",
            Target: "/mnt",
            VolumeOptions: {
              NoCopy: true,
              Labels: { a: "b" },
              DriverConfig: { Name: "local", Options: { type: "tmpfs" } },
            },
          },
        ],
      }),
    },
  ],
  ["volume-unnamed", { TaskTemplate: task({ Mounts: [{ Type: "volume", Target: "/mnt" }] }) }],
  [
    "tmpfs",
    {
      TaskTemplate: task({
        Mounts: [{ Type: "tmpfs", Target: "/mnt", TmpfsOptions: { SizeBytes: 65_536, Mode: 448 } }],
      }),
    },
  ],
  [
    "consistency",
    { TaskTemplate: task({ Mounts: [{ Type: "bind", Source: "/tmp", Target: "/mnt", Consistency: "cached" }] }) },
  ],
  ["selinux-nothing", { TaskTemplate: task({ Privileges: { CredentialSpec: null, SELinuxContext: null } }) }],
  ["privileges", { TaskTemplate: task({ Privileges: { NoNewPrivileges: true } }) }],
  [
    "selinux",
    {
      TaskTemplate: task({
        Privileges: {
          CredentialSpec: null,
          SELinuxContext: { Disable: true, User: "u", Role: "r", Type: "t", Level: "l" },
        },
      }),
    },
  ],
  ["isolation", { TaskTemplate: task({ Isolation: "default" }) }],
  [
    "resources",
    {
      TaskTemplate: task(
        {},
        {
          Resources: {
            Limits: { NanoCPUs: 500_000_000, MemoryBytes: 67_108_864, Pids: 100 },
            Reservations: { NanoCPUs: 100_000_000, MemoryBytes: 33_554_432 },
          },
        },
      ),
    },
  ],
  ["resources-empty", { TaskTemplate: task({}, { Resources: {} }) }],
  ["resources-empty-parts", { TaskTemplate: task({}, { Resources: { Limits: {}, Reservations: {} } }) }],
  [
    "generic",
    {
      TaskTemplate: task(
        {},
        { Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: "gpu", Value: 2 } }] } } },
      ),
    },
  ],
  [
    "restart",
    {
      TaskTemplate: task(
        {},
        { RestartPolicy: { Condition: "on-failure", Delay: 1_000_000_000, MaxAttempts: 3, Window: 9_000_000_000 } },
      ),
    },
  ],
  ["restart-none", { TaskTemplate: task({}, { RestartPolicy: { Condition: "none" } }) }],
  ["restart-empty", { TaskTemplate: task({}, { RestartPolicy: {} }) }],
  [
    "placement-empty",
    { TaskTemplate: { ContainerSpec: { Image: IMAGE }, Placement: {} }, Mode: { Replicated: { Replicas: 0 } } },
  ],
  ["restart-window", { TaskTemplate: task({}, { RestartPolicy: { Window: 0, Delay: 0, MaxAttempts: 0 } }) }],
  [
    "placement",
    {
      TaskTemplate: task(
        {},
        {
          Placement: {
            Constraints: ["node.labels.nowhere == true", "node.role!=worker"],
            Preferences: [{ Spread: { SpreadDescriptor: "node.labels.zone" } }],
            MaxReplicas: 2,
            Platforms: [{ OS: "linux", Architecture: "amd64" }, {}],
          },
        },
      ),
    },
  ],
  ["force", { TaskTemplate: task({}, { ForceUpdate: 7 }) }],
  ["runtime", { TaskTemplate: task({}, { Runtime: "container" }) }],
  ["log-driver", { TaskTemplate: task({}, { LogDriver: { Name: "json-file", Options: { "max-size": "1m" } } }) }],
  ["log-driver-bare", { TaskTemplate: task({}, { LogDriver: { Name: "none" } }) }],
  [
    "update",
    {
      UpdateConfig: {
        Parallelism: 2,
        Delay: 1_000_000_000,
        FailureAction: "continue",
        Monitor: 3_000_000_000,
        MaxFailureRatio: 0.25,
        Order: "start-first",
      },
    },
  ],
  ["update-empty", { UpdateConfig: {} }],
  ["update-pause", { UpdateConfig: { FailureAction: "pause" } }],
  ["update-rollback", { UpdateConfig: { FailureAction: "rollback" } }],
  [
    "rollback",
    {
      RollbackConfig: {
        Parallelism: 0,
        Delay: 5_000_000,
        FailureAction: "continue",
        Monitor: 3_000_000_000,
        MaxFailureRatio: 1,
        Order: "stop-first",
      },
    },
  ],
  ["rollback-empty", { RollbackConfig: {} }],
  [
    "ports",
    {
      EndpointSpec: {
        Ports: [
          { Protocol: "tcp", TargetPort: 80, PublishedPort: 18_080 },
          { Name: "dns", Protocol: "udp", TargetPort: 53, PublishedPort: 18_053, PublishMode: "host" },
        ],
      },
    },
  ],
  ["ports-chosen", { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 18_081, PublishMode: "ingress" }] } }],
  ["dnsrr", { EndpointSpec: { Mode: "dnsrr" } }],
  ["vip", { EndpointSpec: { Mode: "vip" } }],
  ["endpoint-empty", { EndpointSpec: {} }],
  ["exposed", { EndpointSpec: { ExposedPorts: [{ Port: 80, Protocol: "tcp" }] } }],
];

/** What Murmur doesn't honour. */
const REFUSED: readonly (readonly [string, object])[] = [
  [
    "generic-named",
    {
      TaskTemplate: task(
        {},
        { Resources: { Reservations: { GenericResources: [{ NamedResourceSpec: { Kind: "gpu", Value: "one" } }] } } },
      ),
    },
  ],
];

/** Docker gives out ports and addresses a moment after it has answered. */
function isAllocated(body: unknown): boolean {
  const { Spec, Endpoint } = body as {
    readonly Spec?: { readonly EndpointSpec?: { readonly Ports?: object } };
    readonly Endpoint?: { readonly Ports?: object };
  };
  return Spec?.EndpointSpec?.Ports === undefined || Endpoint?.Ports !== undefined;
}

export const services: Topic = {
  name: "services come back as they were asked for",
  steps: [
    ...FULL.flatMap(([name, more]) => [
      post("/services/create", spec(name, more), { keep: name }),
      get(`/services/${name}`, { until: isAllocated }),
      get(`/services/{${name}}?insertDefaults=true`),
      remove(`/services/${name}`),
    ]),
    ...REFUSED.flatMap(([name, more]) => [post("/services/create", spec(name, more)), clear(`/services/${name}`)]),
  ],
};

export const serviceLists: Topic = {
  name: "lists of services",
  steps: [
    get("/services"),
    post("/services/create", spec("alpha", { Labels: { tier: "front", "com.docker.stack.namespace": "s" } }), {
      keep: "alpha",
    }),
    post("/services/create", spec("beta", { Labels: { tier: "back" }, Mode: { Global: {} } }), { keep: "beta" }),
    ...[
      { name: ["alpha"] },
      { name: ["al"] },
      { name: ["AL"] },
      { name: ["lpha"] },
      { name: { beta: true } },
      { name: ["alpha", "beta"] },
      { name: [] },
      { id: ["{alpha}"] },
      { id: ["nope"] },
      { label: ["tier"] },
      { label: ["tier=front"] },
      { label: ["tier=front", "tier=back"] },
      { label: ["tier="] },
      { mode: ["replicated"] },
      { mode: ["global"] },
      { mode: ["nope"] },
      { mode: ["replicated-job"] },
      { runtime: ["container"] },
      { runtime: ["plugin"] },
      { runtime: ["nope"] },
      { nope: ["x"] },
      { name: "alpha" },
      { name: [1] },
      ["name"],
      "nonsense",
      "{}",
      "null",
    ].flatMap((filters) => [get(filtered("/services", filters))]),
    get("/services?status=true", { until: allWait }),
    get("/services?status=1"),
    get("/services?status=0"),
    get("/services?status=nope"),
    get("/services/nope"),
    get("/services/alpha?insertDefaults=nope"),
    get("/services/alph"),
    get("/services/ALPHA"),
    { ask: "HEAD /services", bodyless: true },
    { ask: "PUT /services", bodyless: true },
    { ask: "DELETE /services", bodyless: true },
    { ask: "GET /services/create", bodyless: false },
    { ask: "POST /services/alpha", bodyless: true },
    remove("/services/nope"),
    remove("/services/alpha"),
    remove("/services/alpha"),
    remove("/services/{beta}"),
  ],
};

function allWait(body: unknown): boolean {
  return (
    Array.isArray(body) &&
    body.every((one) => (one as { ServiceStatus?: { DesiredTasks: number } }).ServiceStatus !== undefined)
  );
}

const create = (body: unknown, more: object = {}) => post("/services/create", body, more);

/** No id begins like this, so that nothing else is removed by it. */
const X = "x-1";
/** What one of the two may make, and no other step needs. */
const isOfX = ({ ask, body }: Step): boolean =>
  ask === "POST /services/create" && (body as { readonly Name?: unknown } | undefined)?.Name === X;

export const serviceErrors: Topic = {
  name: "services that can't be",
  steps: [
    create("{"),
    create(""),
    create("[]"),
    create("null"),
    create('"text"'),
    create("{} {}"),
    create({}),
    create({ Name: X }),
    create({ Name: 7 }),
    create(spec(X), { headers: { "content-type": "text/plain" } }),
    create(spec(X), { headers: { "content-type": "" } }),
    create(spec("Two words")),
    create(spec("-x")),
    create(spec("x".repeat(64))),
    create(spec("a.b_c-d")),
    clear("/services/a.b_c-d"),
    create(spec(X, { TaskTemplate: {} })),
    create(spec(X, { TaskTemplate: { ContainerSpec: {} } })),
    create(spec(X, { TaskTemplate: { ContainerSpec: { Image: "" } } })),
    create(spec(X, { TaskTemplate: { ContainerSpec: { Image: "UPPER/case:x:y" } } })),
    create(spec(X, { TaskTemplate: { ContainerSpec: { Image: 5 } } })),
    create(spec(X, { TaskTemplate: task({ Env: "A=B" }) })),
    create(spec(X, { TaskTemplate: task({ Mounts: [{ Type: "nope", Target: "/a" }] }) })),
    create(spec(X, { TaskTemplate: task({ Mounts: [{ Type: "bind", Source: "relative", Target: "/a" }] }) })),
    create(spec(X, { TaskTemplate: task({ Mounts: [{ Type: "volume", Source: "v", Target: "" }] }) })),
    create(spec(X, { TaskTemplate: task({ Mounts: [{ Type: "tmpfs", Source: "v", Target: "/a" }] }) })),
    create(
      spec(X, {
        TaskTemplate: task({
          Mounts: [
            { Type: "bind", Source: "/a", Target: "/x" },
            { Type: "bind", Source: "/b", Target: "/x" },
          ],
        }),
      }),
    ),
    create(spec(X, { TaskTemplate: task({ Healthcheck: { Retries: -1 } }) })),
    create(spec(X, { TaskTemplate: task({ Healthcheck: { Interval: -1 } }) })),
    create(spec(X, { TaskTemplate: task({ Healthcheck: { Interval: 1_000 } }) })),
    create(spec(X, { TaskTemplate: task({ Isolation: "hyperv" }) })),
    create(
      spec(X, { TaskTemplate: task({ Secrets: [{ SecretID: "nope", SecretName: "nope", File: { Name: "a" } }] }) }),
    ),
    create(
      spec(X, { TaskTemplate: task({ Configs: [{ ConfigID: "nope", ConfigName: "nope", File: { Name: "a" } }] }) }),
    ),
    create(spec(X, { TaskTemplate: task({}, { Resources: { Limits: { NanoCPUs: 1 } } }) })),
    create(spec(X, { TaskTemplate: task({}, { Resources: { Limits: { MemoryBytes: 1 } } }) })),
    create(spec(X, { TaskTemplate: task({}, { Resources: { Limits: { MemoryBytes: -1 } } }) })),
    create(spec(X, { TaskTemplate: task({}, { RestartPolicy: { Condition: "nope" } }) })),
    create(spec(X, { TaskTemplate: task({}, { RestartPolicy: { Delay: -1 } }) })),
    create(spec(X, { TaskTemplate: task({}, { Placement: { Constraints: ["nonsense"] } }) })),
    create(spec(X, { TaskTemplate: task({}, { Placement: { Constraints: ["node.nope == 1"] } }) })),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "nope" }] }) })),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "bridge" }] }) })),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "host" }] }) }), { keep: "hosted" }),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "none" }] }) })),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "host" }, { Target: "bridge" }] }) })),
    create(
      spec(X, {
        TaskTemplate: task({}, { Networks: [{ Target: "host" }] }),
        EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 18_093 }] },
      }),
    ),
    create(spec(X, { TaskTemplate: task({}, { Networks: [{ Target: "ingress" }] }) })),
    create(spec(X, { TaskTemplate: task({}, { Runtime: "nope" }) })),
    create(spec(X, { Mode: { Replicated: {}, Global: {} } })),
    create(spec(X, { Mode: { Replicated: { Replicas: -1 } } })),
    create(spec(X, { Mode: { Replicated: { Replicas: "3" } } })),
    create(spec(X, { UpdateConfig: { FailureAction: "nope" } })),
    create(spec(X, { UpdateConfig: { Order: "nope" } })),
    create(spec(X, { UpdateConfig: { MaxFailureRatio: 2 } })),
    create(spec(X, { UpdateConfig: { Delay: -1 } })),
    create(spec(X, { RollbackConfig: { FailureAction: "rollback" } })),
    create(spec(X, { EndpointSpec: { Mode: "nope" } })),
    create(spec(X, { EndpointSpec: { Mode: "dnsrr", Ports: [{ TargetPort: 80, PublishedPort: 18_090 }] } })),
    create(spec(X, { EndpointSpec: { Ports: [{ PublishedPort: 18_090 }] } })),
    create(spec(X, { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 70_000 }] } })),
    create(spec(X, { EndpointSpec: { Ports: [{ TargetPort: 80, Protocol: "nope" }] } })),
    create(
      spec(X, {
        EndpointSpec: {
          Ports: [
            { TargetPort: 80, PublishedPort: 18_091 },
            { TargetPort: 81, PublishedPort: 18_091 },
          ],
        },
      }),
    ),
    create(spec("taken", { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 18_092 }] } }), { keep: "taken" }),
    create(spec(X, { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 18_092 }] } })),
    create(spec("taken")),
    remove("/services/taken"),
    create({ ...spec("lower"), version: 3, skip_validation: true }),
    remove("/services/lower"),
    create({ name: "lower", tasktemplate: { containerspec: { image: IMAGE }, placement: NOWHERE } }),
    get("/services/lower"),
    remove("/services/lower"),
  ].flatMap((step) => (isOfX(step) ? [step, clear(`/services/${X}`)] : [step])),
};

export const serviceUpdates: Topic = {
  name: "services that change",
  steps: [
    create(spec("web", { Labels: { a: "1" }, Mode: { Replicated: { Replicas: 1 } } }), { keep: "web" }),
    post("/services/web/update", spec("web")),
    post("/services/web/update?version=nope", spec("web")),
    post("/services/web/update?version=-1", spec("web")),
    post("/services/web/update?version=1", spec("web")),
    post("/services/nope/update?version=1", spec("nope")),
    post("/services/web/update?version={version:/services/web}", "{"),
    post("/services/web/update?version={version:/services/web}", {}),
    post("/services/web/update?version={version:/services/web}", spec("other")),
    post("/services/web/update?version={version:/services/web}", spec("web", { Mode: { Global: {} } })),
    get("/services/web"),
    post(
      "/services/web/update?version={version:/services/web}",
      spec("web", { Labels: { a: "2" }, Mode: { Replicated: { Replicas: 2 } } }),
    ),
    get("/services/web", { until: (body) => (body as { UpdateStatus?: unknown }).UpdateStatus === undefined }),
    post(
      "/services/web/update?version={version:/services/web}",
      spec("web", { TaskTemplate: task({ Env: ["A=B"] }), Mode: { Replicated: { Replicas: 0 } } }),
    ),
    get("/services/web", {
      until: (body) => (body as { UpdateStatus?: { State: string } }).UpdateStatus?.State !== "updating",
    }),
    post("/services/web/update?version={version:/services/web}&rollback=nope", spec("web")),
    post("/services/web/update?version={version:/services/web}&registryAuthFrom=nope", spec("web")),
    post("/services/web/update?version={version:/services/web}&registryAuthFrom=previous-spec", spec("web")),
    post("/services/web/update?version={version:/services/web}&rollback=previous", spec("web")),
    get("/services/{web}", {
      until: (body) =>
        !/updating|started/.test((body as { UpdateStatus?: { State: string } }).UpdateStatus?.State ?? ""),
    }),
    post(
      "/services/web/update?version={version:/services/web}",
      { ...spec("web"), UpdateConfig: { Parallelism: 1 } },
      { headers: { "x-registry-auth": "bm90aGluZw==" } },
    ),
    remove("/services/web"),
    create(spec("fresh"), { keep: "fresh" }),
    post("/services/fresh/update?version={version:/services/fresh}&rollback=previous", spec("fresh")),
    remove("/services/fresh"),
    get("/services/web/logs?stdout=1"),
    get("/services/nope/logs?stdout=1"),
    get("/services/nope/logs"),
  ],
};
