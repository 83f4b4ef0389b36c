import type { ContainerSpec, Task } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { ContainerRequest, NodeContext } from "../ports.ts";
import { SAMPLE_NODE, sampleTask } from "../testing/sample-task.ts";
import { containerOptions, endpointsOf } from "./container-options.ts";

const request = (
  container: Partial<ContainerSpec>,
  parts: { task?: Partial<Task>; node?: Partial<NodeContext> } = {},
): ContainerRequest => ({
  task: { ...sampleTask(1, { container, endpointPorts: [] }), ...parts.task },
  node: { ...SAMPLE_NODE, ...parts.node },
  image: "web:1",
});

describe("the options of a container", () => {
  it("are few when the spec says little", () => {
    const { Labels: labels, ...options } = containerOptions(request({}));
    expect(options).toEqual({
      name: "web.1.task000000000000000000001",
      Image: "web:1",
      ExposedPorts: {},
      HostConfig: { RestartPolicy: { Name: "no" }, PortBindings: {} },
    });
    expect(labels).toEqual({
      "com.docker.swarm.node.id": SAMPLE_NODE.nodeId,
      "com.docker.swarm.service.id": "service100000000000000000",
      "com.docker.swarm.service.name": "web",
      "com.docker.swarm.task": "",
      "com.docker.swarm.task.id": "task000000000000000000001",
      "com.docker.swarm.task.name": "web.1.task000000000000000000001",
      "murmur.cluster.id": SAMPLE_NODE.clusterId,
      "murmur.node.address": "",
      "murmur.node.id": SAMPLE_NODE.nodeId,
      "murmur.task.id": "task000000000000000000001",
    });
  });

  it.each(["host", "bridge", "none"] as const)("put it in its node's network %s", (nodeNetwork) => {
    const task = sampleTask(1, { nodeNetwork, endpointPorts: [] });
    expect(containerOptions({ ...request({}), task }).HostConfig?.NetworkMode).toBe(nodeNetwork);
  });

  it("tell a task what it was given of generic resources, as Docker does", () => {
    const { task, ...rest } = request({ env: ["A=1"] });
    const reservations = { nanoCpus: 0, memoryBytes: 0, generic: { gpu: 2, ssd: 3 } };
    const spec = { ...task.spec, resources: { ...task.spec.resources, reservations } };
    const given = { ...task, spec, genericNames: { gpu: ["UUID1", "UUID2"] } };
    expect(containerOptions({ ...rest, task: given }).Env).toEqual([
      "A=1",
      "DOCKER_RESOURCE_GPU=UUID1,UUID2",
      "DOCKER_RESOURCE_SSD=3",
    ]);
  });

  const top: readonly (readonly [string, Partial<ContainerSpec>, object])[] = [
    ["command as entry point", { command: ["a", "b"] }, { Entrypoint: ["a", "b"] }],
    ["args as command", { args: ["c"] }, { Cmd: ["c"] }],
    ["env", { env: ["A=1"] }, { Env: ["A=1"] }],
    ["user", { user: "1000:1000" }, { User: "1000:1000" }],
    ["workdir and hostname", { workdir: "/srv", hostname: "h" }, { WorkingDir: "/srv", Hostname: "h" }],
    ["terminal", { tty: true, openStdin: true }, { Tty: true, OpenStdin: true }],
    ["stop", { stopSignal: "SIGQUIT", stopGracePeriodMs: 1_500 }, { StopSignal: "SIGQUIT", StopTimeout: 2 }],
    [
      "health check",
      {
        healthCheck: {
          test: ["CMD", "x"],
          intervalMs: 1_000,
          timeoutMs: 0.5,
          startPeriodMs: 0,
          startIntervalMs: 250,
          retries: 3,
        },
      },
      {
        Healthcheck: {
          Test: ["CMD", "x"],
          Interval: 1e9,
          Timeout: 5e5,
          StartPeriod: 0,
          StartInterval: 2.5e8,
          Retries: 3,
        },
      },
    ],
    ["no health check", { healthCheck: { test: ["NONE"] } }, { Healthcheck: { Test: ["NONE"] } }],
    [
      "labels, but not in the place of the agent's own",
      { labels: { team: "a", "murmur.task.id": "forged" } },
      { Labels: { team: "a", "murmur.task.id": "task000000000000000000001" } },
    ],
  ];
  it.each(top)("carry %s", (_name, spec, expected) => {
    expect(containerOptions(request(spec))).toMatchObject(expected);
  });

  const host: readonly (readonly [string, Partial<ContainerSpec>, object])[] = [
    ["groups", { groups: ["audio"] }, { GroupAdd: ["audio"] }],
    ["a read-only root and an init", { readOnly: true, init: false }, { ReadonlyRootfs: true, Init: false }],
    ["hosts", { hosts: ["10.0.0.9  db store", "::1 me"] }, { ExtraHosts: ["db:10.0.0.9", "store:10.0.0.9", "me:::1"] }],
    [
      "capabilities",
      { capabilityAdd: ["NET_ADMIN"], capabilityDrop: ["ALL"] },
      { CapAdd: ["NET_ADMIN"], CapDrop: ["ALL"] },
    ],
    ["sysctls", { sysctls: { "net.core.somaxconn": "9" } }, { Sysctls: { "net.core.somaxconn": "9" } }],
    [
      "devices",
      { devices: [{ source: "/dev/a", target: "/dev/b", permissions: "rw" }], privileged: true },
      {
        Devices: [{ PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "rw" }],
        Privileged: true,
      },
    ],
    [
      "less than its engine would let it do, or more",
      { security: { noNewPrivileges: true, seccomp: { kind: "unconfined" }, apparmor: "disabled" } },
      { SecurityOpt: ["no-new-privileges=true", "seccomp=unconfined", "apparmor=unconfined"] },
    ],
    [
      "a seccomp profile and an SELinux label",
      {
        security: {
          seccomp: { kind: "custom", profile: '{"defaultAction":"SCMP_ACT_ALLOW"}' },
          selinux: { user: "u", level: "s0:c1" },
        },
      },
      { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "label=user:u", "label=level:s0:c1"] },
    ],
    [
      "ulimits",
      { ulimits: [{ name: "nofile", soft: 1, hard: 2 }] },
      { Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }] },
    ],
    [
      "name servers",
      { dns: { nameservers: ["1.1.1.1"], search: ["x"], options: ["ndots:1"] } },
      { Dns: ["1.1.1.1"], DnsSearch: ["x"], DnsOptions: ["ndots:1"] },
    ],
    [
      "a bind mount",
      { mounts: [{ kind: "bind", source: "/a", target: "/b", readOnly: true, bindPropagation: "rslave" }] },
      {
        Mounts: [{ Type: "bind", Source: "/a", Target: "/b", ReadOnly: true, BindOptions: { Propagation: "rslave" } }],
      },
    ],
    [
      "a volume",
      {
        mounts: [
          {
            kind: "volume",
            source: "data",
            target: "/b",
            readOnly: false,
            volumeNoCopy: true,
            volumeLabels: { a: "b" },
            volumeDriver: { name: "nfs", options: { o: "ro" } },
          },
        ],
      },
      {
        Mounts: [
          {
            Type: "volume",
            Source: "data",
            VolumeOptions: { NoCopy: true, Labels: { a: "b" }, DriverConfig: { Name: "nfs", Options: { o: "ro" } } },
          },
        ],
      },
    ],
    [
      "a tmpfs",
      { mounts: [{ kind: "tmpfs", target: "/t", readOnly: false, tmpfsSizeBytes: 4096, tmpfsMode: 0o700 }] },
      { Mounts: [{ Type: "tmpfs", Source: "", Target: "/t", TmpfsOptions: { SizeBytes: 4096, Mode: 0o700 } }] },
    ],
  ];
  it.each(host)("carry %s", (_name, spec, expected) => {
    expect(containerOptions(request(spec)).HostConfig).toMatchObject(expected);
  });

  it("reserve no memory where it is less than the engine takes: it would refuse the container", () => {
    const { spec } = sampleTask(1);
    const reservations = { nanoCpus: 0, memoryBytes: 4 << 20 };
    const task = { spec: { ...spec, resources: { ...spec.resources, reservations } } };
    expect(containerOptions(request({}, { task })).HostConfig).not.toHaveProperty("MemoryReservation");
  });

  it("carry limits and the memory reservation, and leave out what is not limited", () => {
    const { spec } = sampleTask(1);
    const reservations = { nanoCpus: 1e9, memoryBytes: 6 << 20 };
    const limited = { reservations, limits: { nanoCpus: 5e8, memoryBytes: 7 << 20, pids: 9 } };
    const task = { spec: { ...spec, resources: limited } };
    expect(containerOptions(request({}, { task })).HostConfig).toMatchObject({
      NanoCpus: 5e8,
      Memory: 7 << 20,
      MemoryReservation: 6 << 20,
      PidsLimit: 9,
    });
    const swapping = (swapBytes: number) => {
      const resources = { ...limited, swapBytes, swappiness: 0 };
      return containerOptions(request({}, { task: { spec: { ...spec, resources } } })).HostConfig;
    };
    expect(swapping(1 << 20)).toMatchObject({ MemorySwap: 8 << 20, MemorySwappiness: 0 });
    expect(swapping(0)).toMatchObject({ MemorySwap: 7 << 20 });
    expect(swapping(-1)).toMatchObject({ MemorySwap: -1 });
    expect(Object.keys(containerOptions(request({})).HostConfig ?? {})).toEqual(["RestartPolicy", "PortBindings"]);
  });

  it("carry the log driver and all published ports", () => {
    const task: Partial<Task> = {
      spec: { ...sampleTask(1).spec, logDriver: { name: "json-file", options: { "max-size": "1m" } } },
      endpointPorts: [
        { protocol: "tcp", targetPort: 80, publishedPort: 80, mode: "ingress" },
        { protocol: "tcp", targetPort: 80, publishedPort: 8081, mode: "host" },
        { protocol: "udp", targetPort: 53, publishedPort: 0, mode: "host" },
      ],
    };
    const options = containerOptions(request({}, { task }));
    expect(options.ExposedPorts).toEqual({ "80/tcp": {}, "53/udp": {} });
    expect(options.HostConfig).toMatchObject({
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
      PortBindings: {
        "80/tcp": [
          { HostIp: "127.0.0.1", HostPort: "" },
          { HostIp: "", HostPort: "8081" },
        ],
        "53/udp": [{ HostIp: "", HostPort: "" }],
      },
    });
  });

  describe("in networks", () => {
    const first = { name: "murmur.b", ipv4: "10.64.1.9", mac: "02:42:0a:40:01:09" };
    const second = { name: "murmur.a", ipv4: "10.64.2.9", ipv6: "fd00::9", mac: "02:42:0a:40:02:09" };
    const resolvConf = "/run/murmur/resolv.conf";
    const overlay = { node: { dataPlane: "overlay", dns: { nameservers: ["10.0.0.1"], search: [] } } } as const;
    const bind = { Type: "bind", Source: resolvConf, Target: "/etc/resolv.conf", ReadOnly: true };

    it("carry the first one's addresses, the number of all, and the node's resolver", () => {
      const networks = { attached: [first, second], resolvConf };
      const options = containerOptions({ ...request({}, overlay), networks });
      expect(options).toMatchObject({
        MacAddress: first.mac,
        HostConfig: { NetworkMode: "murmur.b", Mounts: [bind] },
        Labels: { "murmur.task.networks": "2" },
      });
      const settings = { IPAMConfig: { IPv4Address: first.ipv4 }, MacAddress: first.mac };
      expect(options.NetworkingConfig).toEqual({ EndpointsConfig: { "murmur.b": settings } });
      expect(options.HostConfig).not.toHaveProperty("Dns");
    });

    it("carry both addresses where there are two", () => {
      expect(endpointsOf({ attached: [second] })[0]?.settings).toEqual({
        IPAMConfig: { IPv4Address: "10.64.2.9", IPv6Address: "fd00::9" },
        MacAddress: second.mac,
      });
    });

    it("tell the engine's drivers what the spec tells them", () => {
      const driverOptions = { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1" };
      const local = [{ name: "murmur.lan.0123456789ab", aliases: ["web"], driverOptions }];
      const settings = endpointsOf({ attached: [{ ...first, driverOptions }], local }).map((one) => one.settings);
      expect(settings.map(({ DriverOpts }) => DriverOpts)).toEqual([driverOptions, driverOptions]);
      expect(endpointsOf({ attached: [first] })[0]?.settings).not.toHaveProperty("DriverOpts");
    });

    it("are those of its node's own networks behind the cluster's, without an address", () => {
      const local = [{ name: "murmur.lan.0123456789ab", aliases: ["web", "www"] }];
      const both = containerOptions({ ...request({}, overlay), networks: { attached: [first], local } });
      expect(both.HostConfig?.NetworkMode).toBe(first.name);
      expect(Object.keys(both.NetworkingConfig?.EndpointsConfig ?? {})).toEqual([first.name]);
      const alone = containerOptions({ ...request({}, overlay), networks: { attached: [], local } });
      expect(alone.HostConfig?.NetworkMode).toBe("murmur.lan.0123456789ab");
      expect(alone).not.toHaveProperty("MacAddress");
      expect(alone.NetworkingConfig?.EndpointsConfig).toEqual({
        "murmur.lan.0123456789ab": { Aliases: ["web", "www"] },
      });
    });

    it("bind ports in host mode alone", () => {
      const endpointPorts: Task["endpointPorts"] = [
        { protocol: "tcp", targetPort: 80, publishedPort: 80, mode: "ingress" },
        { protocol: "tcp", targetPort: 81, publishedPort: 8081, mode: "host" },
      ];
      const wish = request({}, { ...overlay, task: { endpointPorts } });
      expect(containerOptions({ ...wish, networks: { attached: [first] } }).HostConfig?.PortBindings).toEqual({
        "81/tcp": [{ HostIp: "", HostPort: "8081" }],
      });
    });

    it("have the node's resolver also where the spec names servers: it is the node that asks them", () => {
      const networks = { attached: [first], resolvConf };
      const own = containerOptions({ ...request({ dns: { nameservers: ["1.1.1.1"] } }, overlay), networks });
      expect(own.HostConfig).toMatchObject({ Mounts: [bind] });
      expect(own.HostConfig).not.toHaveProperty("Dns");
    });

    it("leave the resolver to a spec that mounts its own", () => {
      const networks = { attached: [first], resolvConf };
      const mount = { kind: "bind", source: "/my", target: "/etc/resolv.conf", readOnly: false } as const;
      const mounted = containerOptions({ ...request({ mounts: [mount] }, overlay), networks });
      expect(mounted.HostConfig?.Mounts).toMatchObject([{ Source: "/my" }]);
    });
  });

  it("name the node's resolver where the spec names none", () => {
    const node = { dns: { nameservers: ["10.0.0.1"], search: ["murmur.internal"] } };
    expect(containerOptions(request({}, { node })).HostConfig).toMatchObject({
      Dns: ["10.0.0.1"],
      DnsSearch: ["murmur.internal"],
    });
    const own = request({ dns: { nameservers: ["1.1.1.1"] } }, { node });
    expect(containerOptions(own).HostConfig).toMatchObject({ Dns: ["1.1.1.1"], DnsSearch: ["murmur.internal"] });
  });
});
