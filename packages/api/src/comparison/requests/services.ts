import { get, post, remove, type Topic } from "../step.ts";
import { IMAGE, spec, task } from "./service-spec.ts";

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
  [
    "generic-named",
    {
      TaskTemplate: task(
        {},
        { Resources: { Reservations: { GenericResources: [{ NamedResourceSpec: { Kind: "gpu", Value: "one" } }] } } },
      ),
    },
  ],
  ["ports-chosen", { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 18_081, PublishMode: "ingress" }] } }],
  ["dnsrr", { EndpointSpec: { Mode: "dnsrr" } }],
  ["vip", { EndpointSpec: { Mode: "vip" } }],
  ["endpoint-empty", { EndpointSpec: {} }],
  ["exposed", { EndpointSpec: { ExposedPorts: [{ Port: 80, Protocol: "tcp" }] } }],
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
  steps: FULL.flatMap(([name, more]) => [
    post("/services/create", spec(name, more), { keep: name }),
    get(`/services/${name}`, { until: isAllocated }),
    get(`/services/{${name}}?insertDefaults=true`),
    remove(`/services/${name}`),
  ]),
};
