import { describe, expect, it } from "vitest";
import type { ComposeService } from "@murmur/compose";
import {
  aComposeMount,
  aComposeNetwork,
  aComposeService,
  aComposeVolume,
  aPayload,
  aProject,
  attached,
  uses,
} from "../testing/projects.ts";
import { stackOf } from "./stack-of.ts";
import { unsupportedIn, unsupportedText } from "./unsupported.ts";

const specOf = (change: Partial<ComposeService>, start: Parameters<typeof aProject>[1] = {}) => {
  const [service] = stackOf(aProject([aComposeService("web", change)], start), "shop").services;
  if (service === undefined) throw new Error("there is a service");
  return service.spec;
};

describe("the conversion of a project", () => {
  it("calls volumes after the stack, those of others by their own name, and leaves anonymous ones without", () => {
    const volumes = {
      data: aComposeVolume({ driver: "nfs", driverOptions: new Map([["share", "x"]]) }),
      named: aComposeVolume({ name: "exact" }),
      theirs: aComposeVolume({ external: true }),
    };
    const mounts = [
      aComposeMount("/data", { source: "data", volume: { nocopy: true } }),
      aComposeMount("/named", { source: "named", readOnly: true }),
      aComposeMount("/theirs", { source: "theirs" }),
      aComposeMount("/nowhere"),
      aComposeMount("/etc", { type: "bind", source: "/etc", bind: { propagation: "rslave", createHostPath: true } }),
      aComposeMount("/tmp", { type: "tmpfs", tmpfs: { sizeBytes: 1024, mode: 0o1777 } }),
    ];
    const Labels = { "com.docker.stack.namespace": "shop" };
    expect(specOf({ mounts }, { volumes }).TaskTemplate.ContainerSpec.Mounts).toEqual([
      {
        Type: "volume",
        Target: "/data",
        Source: "shop_data",
        VolumeOptions: { NoCopy: true, Labels, DriverConfig: { Name: "nfs", Options: { share: "x" } } },
      },
      { Type: "volume", Target: "/named", ReadOnly: true, Source: "exact", VolumeOptions: { Labels } },
      { Type: "volume", Target: "/theirs", Source: "theirs" },
      { Type: "volume", Target: "/nowhere" },
      { Type: "bind", Target: "/etc", Source: "/etc", BindOptions: { Propagation: "rslave", CreateMountpoint: true } },
      { Type: "tmpfs", Target: "/tmp", TmpfsOptions: { SizeBytes: 1024, Mode: 0o1777 } },
    ]);
    expect(() => specOf({ mounts: [aComposeMount("/x", { source: "no" })] })).toThrow(/^volumes\.no: /);
  });

  it("makes the networks that services are in, and the default one only where it is used", () => {
    const networks = {
      back: aComposeNetwork({
        name: "exact",
        attachable: true,
        ipam: {
          config: [{ subnet: "10.7.0.0/24", auxAddresses: new Map([["printer", "10.7.0.9"]]) }],
          options: new Map([["a", "b"]]),
        },
      }),
      theirs: aComposeNetwork({ external: true, name: "public" }),
      idle: aComposeNetwork(),
    };
    const back = attached("back", { driverOptions: new Map([["c", "d"]]) });
    const services = [aComposeService("web", { networks: [back, attached("theirs")] })];
    const wish = stackOf(aProject(services, { networks }), "shop");
    expect(wish.networks).toEqual([
      {
        Name: "exact",
        Driver: "overlay",
        Attachable: true,
        IPAM: {
          Config: [{ Subnet: "10.7.0.0/24", AuxiliaryAddresses: { printer: "10.7.0.9" } }],
          Options: { a: "b" },
        },
        Labels: { "com.docker.stack.namespace": "shop" },
      },
    ]);
    expect(wish.services[0]?.spec.TaskTemplate.Networks).toEqual([
      { Target: "exact", Aliases: ["web"], DriverOpts: { c: "d" } },
      { Target: "public", Aliases: ["web"] },
    ]);
    expect(wish.externalNetworks).toEqual(["public"]);
    expect(stackOf(aProject([aComposeService("web")]), "shop").networks.map(({ Name }) => Name)).toEqual([
      "shop_default",
    ]);
    expect(() => specOf({ networks: [attached("no")] })).toThrow(/^networks\.no: /);
  });

  it("calls what a file holds after its content, and by exactly its name where it has one", () => {
    const configs = {
      a: aPayload("hello"),
      b: aPayload("hello", { name: "exact" }),
      c: aPayload("hello", { templateDriver: "golang" }),
    };
    const using = aProject([aComposeService("web", { configs: [uses("c"), uses("a"), uses("b")] })], { configs });
    const wish = stackOf(using, "shop");
    expect(wish.configs.map(({ name, versioned }) => [name, versioned])).toEqual([
      // The first digits of the SHA-256 of `hello`.
      ["shop_a-2cf24dba5fb0", true],
      ["exact", false],
      [expect.stringMatching(/^shop_c-(?!2cf24dba5fb0)[0-9a-f]{12}$/), true],
    ]);
    expect(wish.services[0]?.spec.TaskTemplate.ContainerSpec.Configs?.map(({ File }) => File.Name)).toEqual([
      "a",
      "b",
      "c",
    ]);
    expect(() => stackOf(aProject([], { secrets: { s: aPayload("") } }), "shop")).toThrow(/^secrets\.s: is empty/);
  });

  it.each([
    [{ restart: "always" }, { Condition: "any" }],
    [{ restart: "no" }, { Condition: "none" }],
    [{ restart: "on-failure:3" }, { Condition: "on-failure", MaxAttempts: 3 }],
    [
      { restart: "always", deploy: { labels: new Map(), restartPolicy: { condition: "none", delayMs: 1.5 } } },
      { Condition: "none", Delay: 1_500_000 },
    ],
    [{}, undefined],
  ] satisfies [Partial<ComposeService>, unknown][])("takes restart where deploy says nothing: %j", (change, policy) => {
    expect(specOf(change).TaskTemplate.RestartPolicy).toEqual(policy);
  });

  it("asks for devices, privileges and GPUs as Murmur has them", () => {
    const spec = specOf({
      devices: [{ source: "/dev/fuse", target: "/dev/fuse", permissions: "rw" }],
      privileged: true,
      deviceRequests: [{ count: 2, deviceIds: [], capabilities: ["gpu"] }],
    });
    expect(spec.Murmur).toEqual({
      Devices: [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rw" }],
      Privileged: true,
    });
    expect(spec.TaskTemplate.Resources?.Reservations?.GenericResources).toEqual([
      { DiscreteResourceSpec: { Kind: "gpu", Value: 2 } },
    ]);
  });

  it("names an image that is missing, and replicas that a mode doesn't have", () => {
    const { image: _image, ...without } = aComposeService("web");
    expect(() => stackOf(aProject([without]), "shop")).toThrow(/^services\.web: names no image/);
    const deploy = { labels: new Map<string, string>(), mode: "global" as const, replicas: 2 };
    expect(() => specOf({ deploy })).toThrow(/^services\.web\.deploy\.replicas: /);
  });
});

it("tells of everything that it can't honour, with its place", () => {
  const project = aProject(
    [
      aComposeService("web", {
        networks: [attached("back", { ipv4Address: "10.0.0.9" })],
        isolation: "hyperv",
        shmSizeBytes: 1024,
        mounts: [aComposeMount("/pipe", { type: "npipe", source: "x" })],
        deviceRequests: [{ deviceIds: ["0"], capabilities: ["gpu"] }],
        others: [{ path: "ipc", at: "compose.yaml:4" }],
      }),
    ],
    {
      networks: { back: aComposeNetwork({ enableIpv4: false, others: [{ path: "driver_x", at: "compose.yaml:9" }] }) },
    },
  );
  expect(
    unsupportedIn(project).map((found) => unsupportedText(found).replace(/^((?:\S+:\d+: )?[^:]+):? .*$/, "$1")),
  ).toEqual([
    "services.web.isolation",
    "services.web.shm_size",
    "services.web.networks.back.ipv4_address",
    "services.web.volumes[/pipe].type",
    "services.web.deploy.resources.reservations.devices",
    "compose.yaml:4: services.web.ipc",
    "networks.back.enable_ipv4",
    "compose.yaml:9: networks.back.driver_x",
  ]);
});
