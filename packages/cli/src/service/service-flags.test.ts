import { describe, expect, it } from "vitest";
import type { ServiceSpec } from "@murmur/api";
import { aNetwork, aService } from "../testing/objects.ts";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { runMurmur } from "../testing/run-murmur.ts";

/** The spec that a command line asks for. */
async function created(...flags: string[]): Promise<{ spec: ServiceSpec | undefined; stderr: string; status: number }> {
  await using daemon = await FakeDaemon.start({
    "POST /services/create": () => ({ json: { ID: "new", Warnings: null } }),
  });
  const { stderr, status } = await runMurmur(
    ["--socket", daemon.socketPath, "service", "create", "--detach", "--no-resolve-image", ...flags],
    { env: { HOME: "/home/me" } },
  );
  return { spec: daemon.asked[0]?.body as ServiceSpec | undefined, stderr, status };
}

/** What becomes of a spec by an update. */
async function updated(spec: ServiceSpec, ...flags: string[]): Promise<ServiceSpec> {
  await using daemon = await FakeDaemon.start({
    "GET /services/*": () => ({ json: aService("web", { Spec: spec }) }),
    "GET /tasks": () => ({ json: [] }),
    "GET /networks": () => ({ json: [aNetwork("shop"), aNetwork("db")] }),
    "POST /services/*/update": () => ({ json: { Warnings: null } }),
  });
  const given = ["--detach", "--no-resolve-image", ...flags, "web"];
  const ran = await runMurmur(["-H", daemon.socketPath, "service", "update", ...given]);
  expect(ran).toMatchObject({ status: 0, stdout: "web\n", stderr: "" });
  return daemon.asked.find(({ method }) => method === "POST")?.body as ServiceSpec;
}

const GiB = 2 ** 30;
const CONTAINER_CASES: readonly (readonly [string, object])[] = [
  ["--env A=1 -e B --env HOME --env A=2", { Env: ["A=2", "HOME=/home/me"] }],
  ["--mount type=bind,src=/a,dst=/b,ro", { Mounts: [{ Type: "bind", Source: "/a", Target: "/b", ReadOnly: true }] }],
  [
    "--mount source=data,target=/d,volume-driver=local,volume-opt=o=x",
    {
      Mounts: [
        {
          Type: "volume",
          Source: "data",
          Target: "/d",
          VolumeOptions: { DriverConfig: { Name: "local", Options: { o: "x" } } },
        },
      ],
    },
  ],
  [
    "--mount type=tmpfs,target=/t,tmpfs-size=1M,tmpfs-mode=1777",
    { Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 2 ** 20, Mode: 0o1777 } }] },
  ],
  ["-u 1000:1000 -w /srv --hostname h", { User: "1000:1000", Dir: "/srv", Hostname: "h" }],
  ["--container-label a=b --group wheel", { Labels: { a: "b" }, Groups: ["wheel"] }],
  ["--stop-signal SIGINT --stop-grace-period 1m", { StopSignal: "SIGINT", StopGracePeriod: 60e9 }],
  ["--init --read-only -t", { Init: true, ReadOnly: true, TTY: true }],
  ["--init=false", { Init: false }],
  ["--cap-add net_admin --cap-drop ALL", { CapabilityAdd: ["CAP_NET_ADMIN"], CapabilityDrop: ["ALL"] }],
  [
    "--secret db --config source=site,target=/etc/site.conf,uid=103,gid=104,mode=0440",
    {
      Secrets: [{ File: { Name: "db", UID: "0", GID: "0", Mode: 0o444 }, SecretID: "", SecretName: "db" }],
      Configs: [
        { File: { Name: "/etc/site.conf", UID: "103", GID: "104", Mode: 0o440 }, ConfigID: "", ConfigName: "site" },
      ],
    },
  ],
  [
    "--secret src=db",
    { Secrets: [{ File: { Name: "db", UID: "0", GID: "0", Mode: 0o444 }, SecretID: "", SecretName: "db" }] },
  ],
  ["--sysctl net.core.somaxconn=1024", { Sysctls: { "net.core.somaxconn": "1024" } }],
  ["--oom-score-adj -500", { OomScoreAdj: -500 }],
  ["--health-start-period 3s --health-start-interval 500ms", { Healthcheck: { StartPeriod: 3e9, StartInterval: 5e8 } }],
  ["--ulimit nofile=1024:2048", { Ulimits: [{ Name: "nofile", Soft: 1024, Hard: 2048 }] }],
  [
    "--dns 1.1.1.1 --dns-search a.b --dns-option ndots:2",
    { DNSConfig: { Nameservers: ["1.1.1.1"], Search: ["a.b"], Options: ["ndots:2"] } },
  ],
  ["--host db:10.0.0.9", { Hosts: ["10.0.0.9 db"] }],
  ["--no-healthcheck", { Healthcheck: { Test: ["NONE"] } }],
  [
    "--health-cmd true --health-interval 5s --health-timeout 1s --health-retries 2 --health-start-period 3s",
    { Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 5e9, Timeout: 1e9, Retries: 2, StartPeriod: 3e9 } },
  ],
];
const TASK_CASES: readonly (readonly [string, object])[] = [
  [
    "--limit-memory 512M --memory-swap 1G --memory-swappiness 10",
    { Resources: { Limits: { MemoryBytes: GiB / 2 }, SwapBytes: GiB, MemorySwappiness: 10 } },
  ],
  ["--memory-swap -1 --memory-swappiness -1", { Resources: { SwapBytes: -1, MemorySwappiness: -1 } }],
  [
    "--limit-cpu 0.5 --limit-memory 512M --limit-pids 9 --reserve-cpu .1 --reserve-memory 1G",
    {
      Resources: {
        Limits: { NanoCPUs: 5e8, MemoryBytes: GiB / 2, Pids: 9 },
        Reservations: { NanoCPUs: 1e8, MemoryBytes: GiB },
      },
    },
  ],
  [
    "--generic-resource NVIDIA-GPU=2 --generic-resource ssd=1",
    {
      Resources: {
        Reservations: {
          GenericResources: [
            { DiscreteResourceSpec: { Kind: "NVIDIA-GPU", Value: 2 } },
            { DiscreteResourceSpec: { Kind: "ssd", Value: 1 } },
          ],
        },
      },
    },
  ],
  [
    "--constraint node.labels.x==y --placement-pref spread=node.labels.zone --replicas-max-per-node 2",
    {
      Placement: {
        Constraints: ["node.labels.x==y"],
        Preferences: [{ Spread: { SpreadDescriptor: "node.labels.zone" } }],
        MaxReplicas: 2,
      },
    },
  ],
  [
    "--restart-condition on-failure --restart-delay 1s --restart-max-attempts 3 --restart-window 1m",
    { RestartPolicy: { Condition: "on-failure", Delay: 1e9, MaxAttempts: 3, Window: 60e9 } },
  ],
  ["--log-driver json-file --log-opt max-size=1m", { LogDriver: { Name: "json-file", Options: { "max-size": "1m" } } }],
];
const SERVICE_CASES: readonly (readonly [string, object])[] = [
  ["--name web --replicas 3 -l a=b", { Name: "web", Mode: { Replicated: { Replicas: 3 } }, Labels: { a: "b" } }],
  ["--mode global", { Mode: { Global: {} } }],
  ["--on-node-loss replace-after=90s", { Murmur: { OnNodeLoss: { Action: "replace", After: 90e9 } } }],
  ["--rebalance off", { Murmur: { Rebalance: "off" } }],
  ["--on-node-loss wait", { Murmur: { OnNodeLoss: { Action: "wait" } } }],
  [
    "--replicas 4 --mode replicated-job --max-concurrent 2",
    { Mode: { ReplicatedJob: { TotalCompletions: 4, MaxConcurrent: 2 } } },
  ],
  ["--mode replicated-job --replicas 4", { Mode: { ReplicatedJob: { TotalCompletions: 4, MaxConcurrent: 4 } } }],
  ["--mode replicated-job", { Mode: { ReplicatedJob: {} } }],
  [
    "-p 80:8080 --endpoint-mode dnsrr",
    {
      EndpointSpec: {
        Mode: "dnsrr",
        Ports: [{ Protocol: "tcp", TargetPort: 8080, PublishMode: "ingress", PublishedPort: 80 }],
      },
    },
  ],
  [
    "--publish published=53,target=5353,protocol=udp,mode=host",
    { EndpointSpec: { Ports: [{ Protocol: "udp", TargetPort: 5353, PublishMode: "host", PublishedPort: 53 }] } },
  ],
  [
    "--update-parallelism 0 --update-delay 1s --update-order start-first --rollback-monitor 2s",
    {
      UpdateConfig: { Parallelism: 0, Delay: 1e9, Order: "start-first" },
      RollbackConfig: { Parallelism: 1, Monitor: 2e9 },
    },
  ],
];

const DEVICE_CASES: readonly (readonly [string, object])[] = [
  ["--privileged", { Privileged: true }],
  [
    "--device /dev/fuse --device /dev/sda:/dev/xvda:r",
    {
      Devices: [
        { PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" },
        { PathOnHost: "/dev/sda", PathInContainer: "/dev/xvda", CgroupPermissions: "r" },
      ],
    },
  ],
];

const NETWORK_CASES: readonly (readonly [string, object])[] = [
  ["--network shop", [{ Target: "shop" }]],
  ["--network shop --network db --network shop", [{ Target: "shop" }, { Target: "db" }]],
  ["--network name=shop,driver-opt=a=b,driver-opt=c=d=e", [{ Target: "shop", DriverOpts: { a: "b", c: "d=e" } }]],
  ["--network name=shop,alias=www,alias=web", [{ Target: "shop", Aliases: ["www", "web"] }]],
];

describe("service create", () => {
  it.each(NETWORK_CASES)("%s", async (line, networks) => {
    const { spec } = await created(...line.split(" "), "nginx");
    expect(spec?.TaskTemplate.Networks).toEqual(networks);
  });

  it.each(DEVICE_CASES)("%s", async (line, own) => {
    const { spec } = await created(...line.split(" "), "nginx");
    expect(spec?.Murmur).toEqual(own);
  });

  it.each(CONTAINER_CASES)("%s", async (line, container) => {
    const { spec, stderr } = await created(...line.split(" "), "nginx");
    expect(stderr).toBe("");
    expect(spec?.TaskTemplate.ContainerSpec).toEqual({ Image: "nginx:latest", ...container });
  });
  it.each(TASK_CASES)("%s", async (line, task) => {
    const { spec } = await created(...line.split(" "), "nginx");
    expect(spec?.TaskTemplate).toEqual({ ContainerSpec: { Image: "nginx:latest" }, ...task });
  });
  it.each(SERVICE_CASES)("%s", async (line, service) => {
    const { spec } = await created(...line.split(" "), "nginx");
    expect(spec).toEqual({
      TaskTemplate: { ContainerSpec: { Image: "nginx:latest" } },
      Mode: { Replicated: {} },
      ...service,
    });
  });

  it("takes ranges of ports", async () => {
    const { spec } = await created("-p", "8000-8002:80-82/udp", "nginx");
    expect(spec?.EndpointSpec?.Ports?.map(({ PublishedPort, TargetPort }) => [PublishedPort, TargetPort])).toEqual([
      [8000, 80],
      [8001, 81],
      [8002, 82],
    ]);
  });

  it.each([
    [
      "published=80,target=8080,host-ip=10.0.0.1,balancing=least-conn,proxy-protocol=true,local-first=true",
      {
        PublishedPort: 80,
        Murmur: { HostIP: "10.0.0.1", Balancing: "least-conn", ProxyProtocol: true, LocalFirst: true },
      },
    ],
    ["10.0.0.1:80:8080", { PublishedPort: 80, Murmur: { HostIP: "10.0.0.1" } }],
    ["10.0.0.1::8080/tcp", { Murmur: { HostIP: "10.0.0.1" } }],
    ["[fd00::1]:80:8080", { PublishedPort: 80, Murmur: { HostIP: "fd00::1" } }],
    ["[fd00::1]:8080", { Murmur: { HostIP: "fd00::1" } }],
    ["target=8080,host-ip=[::]", { Murmur: { HostIP: "::" } }],
    [":8080", {}],
  ])("publishes %s", async (text, port) => {
    const { spec, stderr } = await created("-p", text, "nginx");
    expect(stderr).toBe("");
    expect(spec?.EndpointSpec?.Ports).toEqual([{ Protocol: "tcp", TargetPort: 8080, PublishMode: "ingress", ...port }]);
  });

  it("takes ranges on an address", async () => {
    const { spec } = await created("-p", "10.0.0.1:8000-8010:80-90", "nginx");
    const ports = spec?.EndpointSpec?.Ports ?? [];
    expect(ports.map(({ PublishedPort = 0, TargetPort }) => PublishedPort - TargetPort)).toEqual(
      Array.from({ length: 11 }, () => 7_920),
    );
    expect(new Set(ports.map(({ Murmur }) => Murmur?.HostIP))).toEqual(new Set(["10.0.0.1"]));
  });

  it("leaves what follows the image to the container", async () => {
    const { spec } = await created("--entrypoint", "sh -c", "nginx", "echo", "--name", "x", "-d");
    expect(spec?.TaskTemplate.ContainerSpec).toEqual({
      Image: "nginx:latest",
      Command: ["sh", "-c"],
      Args: ["echo", "--name", "x", "-d"],
    });
  });

  it.each([
    [
      "--limit-memory 12Q",
      "murmur: --limit-memory: invalid size '12Q': give a number and a unit, such as 512M or 1.5G\n",
    ],
    [
      "--generic-resource gpu=UUID1",
      "murmur: --generic-resource: invalid generic resource 'gpu=UUID1': a service asks for a number of them, such as gpu=1\n",
    ],
    ["--replicas -1", "murmur: --replicas: invalid number '-1': give a whole number, 0 or more\n"],
    [
      "--mode global --replicas 2",
      "murmur: --replicas: replicas can only be used with replicated or replicated-job mode\n",
    ],
    ["--publish 80:x", "murmur: --publish: invalid port 'x': give a number from 1 to 65535\n"],
    ["--publish eth0:80:80", "murmur: --publish: invalid address 'eth0': give an IP address of the nodes\n"],
    [
      "--publish fd00::1:80:80",
      "murmur: --publish: invalid port 'fd00::1:80:80': give [[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]; an IPv6 address needs brackets\n",
    ],
    [
      "--publish target=80,balancing=best",
      "murmur: --publish: invalid balancing 'best': give one of random, round-robin, source-hash, least-conn, peak-ewma\n",
    ],
    ["--publish target=80,local-first=maybe", "murmur: --publish: invalid local-first 'maybe': give true or false\n"],
    [
      "--publish target=80,toString=1",
      "murmur: --publish: invalid port 'target=80,toString=1': 'toString=1' is none of target=, published=, protocol=, mode=, host-ip=, balancing=, proxy-protocol=, local-first=\n",
    ],
    ["--publish 80-81:1-3", "murmur: --publish: invalid port '80-81:1-3': both ranges must have the same length\n"],
    ["--mount type=bind,target=/x", "murmur: --mount: invalid mount 'type=bind,target=/x': source= is missing\n"],
    [
      "--device fuse",
      "murmur: --device: 'fuse' is no device: give HOST[:CONTAINER[:PERMISSIONS]], such as /dev/fuse or /dev/sda:/dev/xvda:r\n",
    ],
    ["--oom-score-adj 1001", "murmur: --oom-score-adj: invalid score '1001': give a whole number from -1000 to 1000\n"],
    ["--ulimit nofile=2:1", "murmur: --ulimit: invalid ulimit 'nofile=2:1': the soft limit is above the hard one\n"],
    [
      "--ulimit foo=1",
      "murmur: --ulimit: invalid ulimit type 'foo': there are as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack\n",
    ],
    ["--ulimit nofile=1 --ulimit nofile=2", "murmur: --ulimit: nofile is given twice\n"],
    ["--sysctl net.core.somaxconn", "murmur: --sysctl: 'net.core.somaxconn' has no value: give KEY=VALUE\n"],
    ["--mount target=/a --mount type=tmpfs,target=/a", "murmur: --mount: /a is given twice\n"],
    ["--secret source=a,target=k --secret source=b,target=k", "murmur: --secret: k is given twice\n"],
    ["--config a --config a", "murmur: --config: a is given twice\n"],
    ["--device /dev/a:/dev/x --device /dev/b:/dev/x", "murmur: --device: /dev/x is given twice\n"],
    [
      "--mode replicated-job --update-order start-first",
      "murmur: --update-order: update and rollback configuration is not supported for jobs\n",
    ],
    [
      "--mode global-job --rollback-delay 1s",
      "murmur: --rollback-delay: update and rollback configuration is not supported for jobs\n",
    ],
    ["--network alias=a", "murmur: --network: invalid network 'alias=a': name= is missing\n"],
    [
      "--network name=a,mtu=b",
      "murmur: --network: invalid network 'name=a,mtu=b': 'mtu=b' is none of name=, alias= and driver-opt=\n",
    ],
    ["--host db", "murmur: --host: invalid host 'db': give NAME:IP\n"],
    ["--dns nine", "murmur: --dns: 'nine' is not an IP address\n"],
    [
      "--env-file /no/such",
      "murmur: --env-file: can't read /no/such: ENOENT: no such file or directory, open '/no/such'\n",
    ],
    ["--health-cmd x --no-healthcheck", "murmur: --no-healthcheck: --no-healthcheck conflicts with --health-cmd\n"],
    [
      "--on-node-loss later",
      "murmur: --on-node-loss: 'later' is no policy: give replace, replace-after=DURATION such as replace-after=2m, or wait\n",
    ],
    [
      "--restart-condition never",
      "murmur: option '--restart-condition <string>' argument 'never' is invalid. Allowed choices are none, on-failure, any; see `murmur service create --help`\n",
    ],
    [
      "--replica 3",
      "murmur: unknown option '--replica' (Did you mean --replicas?); see `murmur service create --help`\n",
    ],
  ])("%s is refused in one line, before anything is asked", async (line, message) => {
    const { spec, stderr, status } = await created(...line.split(" "), "nginx");
    expect({ spec, stderr, status }).toEqual({ spec: undefined, stderr: message, status: 2 });
  });
});

describe("service update", () => {
  const spec = (): ServiceSpec => ({
    Name: "web",
    Labels: { a: "1", b: "2" },
    Mode: { Replicated: { Replicas: 2 } },
    EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "ingress" }] },
    TaskTemplate: {
      ContainerSpec: {
        Image: "nginx:1",
        Env: ["A=1", "B=2"],
        Mounts: [{ Type: "volume", Target: "/old" }],
        Hosts: ["10.0.0.9 db"],
      },
      Placement: { Constraints: ["node.role==worker"] },
    },
  });

  it("changes only what is named", async () => {
    expect(await updated(spec())).toEqual(spec());
    const { TaskTemplate } = await updated(spec(), "--image", "nginx:2");
    expect(TaskTemplate).toEqual({
      ...spec().TaskTemplate,
      ContainerSpec: { ...spec().TaskTemplate.ContainerSpec, Image: "nginx:2" },
    });
  });

  it("edits lists by their keys", async () => {
    const flags =
      "--env-rm A --env-add B=3 --env-add C=4 --label-rm a --label-add c=3 --publish-rm 80 --publish-add 9090:80 --mount-rm /old --mount-add target=/new --constraint-rm node.role==worker --host-rm db";
    const changed = await updated(spec(), ...flags.split(" "));
    expect(changed.Labels).toEqual({ b: "2", c: "3" });
    expect(changed.EndpointSpec?.Ports?.map(({ PublishedPort }) => PublishedPort)).toEqual([9090]);
    expect(changed.TaskTemplate.ContainerSpec).toMatchObject({
      Env: ["B=3", "C=4"],
      Mounts: [{ Type: "volume", Target: "/new" }],
      Hosts: [],
    });
    expect(changed.TaskTemplate.Placement?.Constraints).toEqual([]);
  });

  it("changes generic resources by their kind, and the strategy, back to the cluster's as well", async () => {
    const changed = await updated(
      spec(),
      ..."--generic-resource-add gpu=2 --generic-resource-add ssd=1 --strategy binpack".split(" "),
    );
    expect(changed.Murmur).toEqual({ Strategy: "binpack" });
    const again = await updated(
      changed,
      ..."--generic-resource-rm ssd --generic-resource-add gpu=3 --strategy default".split(" "),
    );
    expect(again.TaskTemplate.Resources?.Reservations?.GenericResources).toEqual([
      { DiscreteResourceSpec: { Kind: "gpu", Value: 3 } },
    ]);
    expect(again.Murmur).toEqual({});
  });

  it("takes a port's options away when it is given anew without them, and tells addresses apart", async () => {
    const one = { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "ingress" } as const;
    const ports = [
      { ...one, Murmur: { Balancing: "random" } },
      { ...one, PublishedPort: 81, Murmur: { HostIP: "10.0.0.1" } },
    ] as const;
    const before: ServiceSpec = { ...spec(), EndpointSpec: { Ports: [...ports] } };
    const change = async (...flags: readonly string[]) => (await updated(before, ...flags)).EndpointSpec?.Ports;
    expect(await change("--publish-add", "8080:80")).toEqual([{ ...one, Murmur: {} }, ports[1]]);
    expect(await change("--publish-add", "9:9")).toEqual([...ports, { ...one, TargetPort: 9, PublishedPort: 9 }]);
    expect(await change("--publish-rm", "10.0.0.1:81:80")).toEqual([ports[0]]);
    expect(await change("--publish-rm", "80")).toEqual([]);
  });

  it("takes up and leaves networks by name, which the spec has by id", async () => {
    const [shop, db] = [aNetwork("shop").Id, aNetwork("db").Id];
    const inShop = spec();
    inShop.TaskTemplate.Networks = [{ Target: shop, Aliases: ["www"] }];
    const networks = async (...flags: string[]) =>
      (await updated(structuredClone(inShop), ...flags)).TaskTemplate.Networks;
    expect(await networks("--network-add", "name=db,alias=store")).toEqual([
      { Target: shop, Aliases: ["www"] },
      { Target: db, Aliases: ["store"] },
    ]);
    expect(await networks("--network-add", "shop")).toEqual([{ Target: shop }]);
    expect(await networks("--network-rm", "shop")).toEqual([]);
    expect(await networks("--network-rm", shop, "--network-add", "db-i")).toEqual([{ Target: db }]);
    await using daemon = await FakeDaemon.start({
      "GET /services/*": () => ({ json: aService("web", { Spec: inShop }) }),
      "GET /tasks": () => ({ json: [] }),
      "GET /networks": () => ({ json: [] }),
    });
    const ran = await runMurmur(["-H", daemon.socketPath, "service", "update", "-d", "--network-rm", "gone", "web"]);
    expect(ran).toMatchObject({ status: 4, stderr: "murmur: --network-rm: network gone not found\n" });
  });

  it("counts --force up, splits --args, switches off again", async () => {
    const { TaskTemplate } = await updated(
      spec(),
      "--force",
      "--args",
      "echo 'a b'",
      "--read-only=false",
      "--replicas",
      "5",
    );
    expect(TaskTemplate.ForceUpdate).toBe(1);
    expect(TaskTemplate.ContainerSpec).toMatchObject({ Args: ["echo", "a b"], ReadOnly: false });
  });

  it("begins anew when somebody else was faster", async () => {
    let version = 1;
    await using daemon = await FakeDaemon.start({
      "GET /services/*": () => ({ json: aService("web", { Version: { Index: version } }) }),
      "GET /tasks": () => ({ json: [] }),
      "POST /services/*/update": ({ query }) => {
        version += 1;
        if (query.get("version") === "3") return { json: { Warnings: null } };
        return { status: 500, code: "out_of_date", message: "update out of sequence" };
      },
    });
    const ran = await runMurmur(["-H", daemon.socketPath, "service", "scale", "-d", "web=7"]);
    expect(ran).toMatchObject({ status: 0, stdout: "web scaled to 7\n" });
    expect(daemon.asked.filter(({ method }) => method === "POST")).toHaveLength(3);
  });
});
