import { ClusterError } from "@murmur/base";
import { DEFAULT_RESTART, DEFAULT_UPDATE, networkId, validateServiceSpec } from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serviceSpecs } from "../testing/service-arbitrary.ts";
import type { FindPayload } from "./payload-reference.ts";
import { fromServiceSpec, toServiceSpec, wholeServiceSpec, withServiceDefaults } from "./service-spec.ts";

const context = {
  findNetwork: (text: string) => {
    if (text === "net0" || text === "default") return networkId("net0");
    throw new ClusterError("not_found", `network ${text} not found`);
  },
  dataPlane: "overlay" as const,
  findPayload: ((_, { id, name }) => ({ id, name: name === "" ? id : name })) satisfies FindPayload,
  newName: () => "invented",
};
const minimal = { Name: "web", TaskTemplate: { ContainerSpec: { Image: "nginx" } } };
const parse = (body: unknown) => toServiceSpec(body, context);
const refusal = (body: unknown): string => {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof ClusterError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "accepted";
};
const withContainer = (fields: object) => ({
  Name: "web",
  TaskTemplate: { ContainerSpec: { Image: "nginx", ...fields } },
});

describe("the translation of services", () => {
  it("refuses an image that is none; one that the service has already may stay", () => {
    const body = withContainer({ Image: "Not:an/image" });
    expect(refusal(body)).toBe('invalid_argument: ContainerSpec: "Not:an/image" is not a valid repository/tag');
    const before = parse(minimal);
    const container = { ...before.task.container, image: "Not:an/image" };
    const previous = { ...before, task: { ...before.task, container } };
    expect(toServiceSpec(body, { ...context, previous }).task.container.image).toBe("Not:an/image");
  });

  it("gives back every spec as it was, through JSON", () => {
    fc.assert(
      fc.property(serviceSpecs, (spec) => {
        expect(validateServiceSpec(spec)).toEqual([]);
        const sent: unknown = JSON.parse(JSON.stringify(fromServiceSpec(spec)));
        expect(parse(sent)).toEqual(spec);
      }),
      { numRuns: 300 },
    );
  });

  it("fills in Docker's defaults", () => {
    const spec = parse(minimal);
    expect(spec.mode).toEqual({ kind: "replicated", replicas: 1 });
    expect(spec.update).toEqual(DEFAULT_UPDATE);
    expect(spec.task.restart).toEqual(DEFAULT_RESTART);
    expect(spec.task.container).toEqual({ image: "nginx" });
    expect(parse({ ...minimal, Name: "" }).name).toBe("invented");
    expect(parse({ ...minimal, UpdateConfig: {} }).update).toEqual({ ...DEFAULT_UPDATE, parallelism: 0 });
    expect(parse({ ...minimal, Mode: { ReplicatedJob: { MaxConcurrent: 4 } } }).mode).toEqual({
      kind: "replicated-job",
      maxConcurrent: 4,
      totalCompletions: 4,
    });
  });

  it("shows a spec as it was given, and what holds beside it only where that is asked for", () => {
    const said = { Labels: {}, Mode: { Replicated: { Replicas: 1 } } };
    const template = { ContainerSpec: { Image: "nginx", Isolation: "default" }, ForceUpdate: 0, Runtime: "container" };
    const update = { Parallelism: 1, FailureAction: "pause", MaxFailureRatio: 0, Order: "stop-first" };
    const restart = { Condition: "any", MaxAttempts: 0 };
    expect(fromServiceSpec(parse(minimal))).toEqual({ Name: "web", ...said, TaskTemplate: template });
    expect(withServiceDefaults(parse(minimal))).toEqual({
      Name: "web",
      ...said,
      TaskTemplate: {
        ...template,
        ContainerSpec: { ...template.ContainerSpec, StopGracePeriod: 10e9, DNSConfig: {} },
        Resources: {},
        RestartPolicy: { ...restart, Delay: 5e9 },
        Placement: {},
      },
      UpdateConfig: { ...update, Monitor: 5e9 },
      RollbackConfig: { ...update, Monitor: 5e9 },
    });
    const partly = parse({
      ...minimal,
      TaskTemplate: { ...minimal.TaskTemplate, RestartPolicy: {}, Resources: { Limits: {} }, Placement: {} },
      UpdateConfig: { Parallelism: 1 },
      EndpointSpec: {},
    });
    expect(fromServiceSpec(partly)).toEqual({
      Name: "web",
      ...said,
      TaskTemplate: { ...template, RestartPolicy: restart, Resources: { Limits: {} }, Placement: {} },
      UpdateConfig: update,
      EndpointSpec: { Mode: "vip" },
    });
    expect(wholeServiceSpec(partly)).toEqual(wholeServiceSpec(parse(minimal)));
  });

  it("shows all of a spec that was stored without a word of what was left out", () => {
    const { defaulted: _, ...old } = parse(minimal);
    expect(fromServiceSpec(old)).toMatchObject({
      UpdateConfig: { Monitor: 5e9 },
      EndpointSpec: { Mode: "vip" },
      TaskTemplate: { RestartPolicy: { Delay: 5e9, Window: 0 }, Resources: { Limits: {} } },
    });
  });

  it("has no update config for a job: it shows none and takes none", () => {
    const job = { ...minimal, Mode: { GlobalJob: {} } };
    expect(fromServiceSpec(parse(job))).not.toHaveProperty("UpdateConfig");
    expect(fromServiceSpec(parse(job))).not.toHaveProperty("RollbackConfig");
    for (const turns of ["UpdateConfig", "RollbackConfig"]) {
      expect(refusal({ ...job, [turns]: {} })).toBe(
        `invalid_argument: Jobs may not have an update config: leave out ${turns}`,
      );
    }
  });

  it("names a field that is called very long in a line that isn't", () => {
    const message = refusal({ ...minimal, Labels: { ["a".repeat(50_000)]: "1" } });
    expect(message.length).toBeLessThan(400);
    expect(message).toMatch(/^invalid_argument: Labels\.a+…: /);
  });

  it("takes swap beside a memory limit only, and -1 as the host's swappiness", () => {
    const asking = (Resources: object) => ({ ...minimal, TaskTemplate: { ...minimal.TaskTemplate, Resources } });
    const Limits = { MemoryBytes: 1 << 30 };
    const { resources } = parse(asking({ Limits, SwapBytes: -1, MemorySwappiness: -1 })).task;
    expect([resources.swapBytes, resources.swappiness]).toEqual([-1, undefined]);
    expect(parse(asking({ Limits, SwapBytes: 0, MemorySwappiness: 0 })).task.resources).toMatchObject({
      swapBytes: 0,
      swappiness: 0,
    });
    expect(refusal(asking({ SwapBytes: 5 }))).toMatch(/swapBytes: needs a memory limit/);
    expect(refusal(asking({ Limits, MemorySwappiness: 101 }))).toMatch(/must be from 0 to 100, or -1/);
    expect(refusal(asking({ Limits, SwapBytes: -2 }))).toMatch(/must be -1/);
  });

  it("reads generic resources as Docker's clients send them, by number and by name, and refuses those twice", () => {
    const asking = (...GenericResources: object[]) => ({
      Name: "web",
      TaskTemplate: { ContainerSpec: { Image: "nginx" }, Resources: { Reservations: { GenericResources } } },
    });
    const gpu = { DiscreteResourceSpec: { Kind: "gpu", Value: 2 } };
    expect(parse(asking(gpu)).task.resources.reservations.generic).toEqual({ gpu: 2 });
    expect(parse(asking()).task.resources.reservations).not.toHaveProperty("generic");
    const named = (Value: string) => ({ NamedResourceSpec: { Kind: "gpu", Value } });
    const { reservations } = parse(asking(named("a"), gpu, named("b"))).task.resources;
    expect(reservations).toMatchObject({ generic: { gpu: 2 }, genericNames: { gpu: ["a", "b"] } });
    const shown = fromServiceSpec(parse(asking(named("a"), gpu))).TaskTemplate.Resources?.Reservations;
    expect(shown).toEqual({ GenericResources: [gpu, named("a")] });
    expect(refusal(asking(named("a"), named("a")))).toMatch(/generic resource gpu=a is named twice/);
    expect(refusal(asking(named("a=b")))).toMatch(/genericNames.gpu/);
    expect(refusal(asking({ ...gpu, ...named("a") }))).toMatch(/must have a DiscreteResourceSpec or a/);
    expect(refusal(asking(gpu, gpu))).toBe("invalid_argument: invalid service: generic resource gpu is named twice");
    expect(refusal(asking({}))).toMatch(/must have a DiscreteResourceSpec or a/);
    expect(refusal(asking({ DiscreteResourceSpec: { Kind: "gpu", Value: -1 } }))).toMatch(
      /generic.gpu: must be a whole/,
    );
    expect(refusal(asking({ DiscreteResourceSpec: { Kind: "g=u", Value: 1 } }))).toMatch(/generic/);
  });

  it("keeps a strategy over a change by a client that doesn't know it, and gives it up for one that does", () => {
    const previous = parse({ ...minimal, Murmur: { Strategy: "binpack" } });
    expect(previous.task.placement.strategy).toBe("binpack");
    expect(toServiceSpec(minimal, { ...context, previous }).task.placement.strategy).toBe("binpack");
    expect(toServiceSpec({ ...minimal, Murmur: {} }, { ...context, previous }).task.placement).not.toHaveProperty(
      "strategy",
    );
    expect(refusal({ ...minimal, Murmur: { Strategy: "random" } })).toMatch(/must be one of spread, binpack/);
  });

  it("keeps out of the policy of rebalancing over a change by a client that doesn't know it", () => {
    const previous = parse({ ...minimal, Murmur: { Rebalance: "off" } });
    expect(previous.rebalance).toBe("off");
    expect(fromServiceSpec(previous).Murmur).toEqual({ Rebalance: "off" });
    expect(toServiceSpec(minimal, { ...context, previous }).rebalance).toBe("off");
    expect(toServiceSpec({ ...minimal, Murmur: {} }, { ...context, previous })).not.toHaveProperty("rebalance");
    expect(parse({ ...minimal, Murmur: { Rebalance: "on" } })).not.toHaveProperty("rebalance");
    expect(refusal({ ...minimal, Murmur: { Rebalance: "no" } })).toMatch(/must be on or off/);
  });

  it("reads names in any case and null as left out, as Go does", () => {
    const spec = parse({
      name: "web",
      tasktemplate: { containerspec: { image: "nginx", Command: null } },
      Mode: { global: {} },
    });
    expect(spec.mode).toEqual({ kind: "global" });
    expect(spec.task.container).toEqual({ image: "nginx" });
  });

  it("takes what says nothing, whether it knows the field or not", () => {
    const nothing = {
      Secrets: [],
      Configs: null,
      Privileges: { CredentialSpec: null, SELinuxContext: null },
      Isolation: "default",
    };
    expect(parse(withContainer({ ...nothing, FutureField: { Deep: [] } }))).toEqual(parse(minimal));
    expect(parse({ ...minimal, version: "12", skip_validation: true })).toEqual(parse(minimal));
    expect(parse(withContainer({ Command: [], Args: [], Env: [], Labels: {}, TTY: false, Hostname: "" }))).toEqual(
      parse(minimal),
    );
  });

  it.each([
    [
      "a field that can't be honoured",
      withContainer({ Configs: [{ ConfigID: "x", Runtime: { A: 1 } }] }),
      "TaskTemplate.ContainerSpec.Configs.0.Runtime",
    ],
    [
      "a credential spec",
      withContainer({ Privileges: { CredentialSpec: { File: "spec.json" } } }),
      "Privileges.CredentialSpec: only Windows",
    ],
    [
      "a seccomp mode",
      withContainer({ Privileges: { Seccomp: { Mode: "some" } } }),
      "Privileges.Seccomp.Mode: must be default, unconfined or custom",
    ],
    [
      "a seccomp profile that nothing asks for",
      withContainer({ Privileges: { Seccomp: { Profile: "e30=" } } }),
      "Privileges.Seccomp.Profile: goes with the Mode custom only",
    ],
    [
      "a seccomp profile that is no JSON",
      withContainer({ Privileges: { Seccomp: { Mode: "custom", Profile: "eA==" } } }),
      "security.seccomp.profile: must be a seccomp profile",
    ],
    ["an unknown field", withContainer({ Nonsense: 1 }), "TaskTemplate.ContainerSpec.Nonsense"],
    ["an unknown field at the top", { ...minimal, Nonsense: 1 }, "Nonsense"],
    ["two modes", { ...minimal, Mode: { Global: {}, Replicated: {} } }, "must specify only one service mode"],
    ["a wrong type", { ...minimal, Labels: { a: 1 } }, "Labels.a"],
    ["a negative number", { ...minimal, Mode: { Replicated: { Replicas: -1 } } }, "Mode.Replicated.Replicas"],
    ["a fraction", { ...minimal, Mode: { Replicated: { Replicas: 1.5 } } }, "Mode.Replicated.Replicas"],
    [
      "an unknown word",
      { ...minimal, EndpointSpec: { Mode: "mesh" } },
      'EndpointSpec.Mode: invalid resolution mode: "mesh": must be one of vip, dnsrr',
    ],
    [
      "a port out of range",
      { ...minimal, EndpointSpec: { Ports: [{ TargetPort: 70_000 }] } },
      "EndpointSpec.Ports.0.TargetPort",
    ],
    [
      "an unknown option of a port",
      { ...minimal, EndpointSpec: { Ports: [{ TargetPort: 80, Murmur: { Zap: 1 } }] } },
      "EndpointSpec.Ports.0.Murmur.Zap",
    ],
    [
      "an unknown balancing",
      { ...minimal, EndpointSpec: { Ports: [{ TargetPort: 80, Murmur: { Balancing: "best" } }] } },
      "EndpointSpec.Ports.0.Murmur.Balancing: must be one of random, round-robin",
    ],
    [
      "an address that is none",
      { ...minimal, EndpointSpec: { Ports: [{ TargetPort: 80, Murmur: { HostIP: "eth0" } }] } },
      "endpoint.ports[0].hostIp: must be an IP address",
    ],
    ["no container", { Name: "web", TaskTemplate: {} }, "TaskTemplate.ContainerSpec"],
    ["no image", withContainer({ Image: "" }), "image"],
    ["no object", [], "the body"],
    ["a bad name", { ...minimal, Name: "a b" }, "name"],
    [
      "a bad constraint",
      { Name: "web", TaskTemplate: { ...minimal.TaskTemplate, Placement: { Constraints: ["x"] } } },
      "constraint",
    ],
    ["a Murmur object that says something", { ...minimal, Murmur: { Zap: 1 } }, "Murmur"],
    [
      "a wait that ends",
      { ...minimal, Murmur: { OnNodeLoss: { Action: "wait", After: 1e9 } } },
      "After: can't be given with wait",
    ],
    [
      "a loss that is waited for longer than nodes are",
      { ...minimal, Murmur: { OnNodeLoss: { Action: "replace", After: 90_000e9 } } },
      "onNodeLoss.afterMs",
    ],
  ])("refuses %s and names it", (_, body, named) => {
    expect(refusal(body)).toContain("invalid_argument: ");
    expect(refusal(body)).toContain(named);
  });

  it("refuses a network that there isn't", () => {
    const body = { ...minimal, TaskTemplate: { ...minimal.TaskTemplate, Networks: [{ Target: "nope" }] } };
    expect(refusal(body)).toBe("not_found: network nope not found");
  });

  it("takes the networks from their old place when the new one has none", () => {
    expect(parse({ ...minimal, Networks: [{ Target: "default", Aliases: ["db"] }] }).task.networks).toEqual([
      { target: "net0", aliases: ["db"] },
    ]);
  });

  it("tells drivers of a task's place what they are to be told, where its networks have any", () => {
    const Networks = [{ Target: "default", DriverOpts: { foo: "bar" } }];
    const body = { ...minimal, TaskTemplate: { ...minimal.TaskTemplate, Networks } };
    const spec = parse(body);
    expect(spec.task.networks).toEqual([{ target: "net0", aliases: [], driverOptions: { foo: "bar" } }]);
    expect(fromServiceSpec(spec).TaskTemplate.Networks).toEqual([{ Target: "net0", DriverOpts: { foo: "bar" } }]);
    expect(() => toServiceSpec(body, { ...context, dataPlane: "ports" })).toThrow(
      "TaskTemplate.Networks.DriverOpts: this cluster's data plane is ports",
    );
    const none = { ...minimal, TaskTemplate: { ...minimal.TaskTemplate, Networks: [{ Target: "x", DriverOpts: {} }] } };
    const plain = toServiceSpec(none, { ...context, dataPlane: "ports", findNetwork: networkId });
    expect(plain.task.networks).toEqual([{ target: "x", aliases: [] }]);
  });

  it("keeps durations to the nanosecond that Docker can give", () => {
    const spec = parse(withContainer({ Healthcheck: { Interval: 1_500_000 }, StopGracePeriod: 1 }));
    const back = fromServiceSpec(spec).TaskTemplate.ContainerSpec;
    expect(back.Healthcheck?.Interval).toBe(1_500_000);
    expect(back.StopGracePeriod).toBe(1);
  });
});

it("a stopped service stays so when a client changes it that doesn't know of that", () => {
  const stopped = parse({ ...minimal, Murmur: { Stopped: true } });
  expect(fromServiceSpec(stopped).Murmur).toEqual({ Stopped: true });
  const update = (Murmur?: object) =>
    fromServiceSpec(toServiceSpec({ ...minimal, Murmur }, { ...context, previous: stopped })).Murmur;
  expect(update()).toEqual({ Stopped: true });
  expect(update({ Stopped: false })).toBeUndefined();
  expect(update({})).toBeUndefined();
});

it.each([
  [{ Action: "wait" }, { kind: "wait" }],
  [
    { Action: "replace", After: 90e9 },
    { kind: "replace", afterMs: 90_000 },
  ],
  [{ Action: "replace" }, undefined],
] as const)("what becomes of lost tasks is said both ways: %j", (said, policy) => {
  const spec = parse({ ...minimal, Murmur: { OnNodeLoss: said } });
  expect(spec.onNodeLoss).toEqual(policy);
  expect(fromServiceSpec(spec).Murmur).toEqual(policy && { OnNodeLoss: said });
});

describe("the options of ports", () => {
  const OPTIONS = { HostIP: "10.0.0.1", Balancing: "peak-ewma", ProxyProtocol: true, LocalFirst: true };
  const bodyWith = (...ports: readonly object[]) => ({ ...minimal, EndpointSpec: { Ports: ports } });
  const port = { TargetPort: 8080, PublishedPort: 80 };
  const before = parse(bodyWith({ ...port, Murmur: OPTIONS }, { ...port, Murmur: { HostIP: "0:0::2" } }));
  const update = (...ports: readonly object[]) =>
    fromServiceSpec(toServiceSpec(bodyWith(...ports), { ...context, previous: before })).EndpointSpec?.Ports?.map(
      ({ Murmur }) => Murmur,
    );

  it("are shown as they were given, addresses in their shortest form", () => {
    expect(fromServiceSpec(before).EndpointSpec?.Ports?.map(({ Murmur }) => Murmur)).toEqual([
      OPTIONS,
      { HostIP: "::2" },
    ]);
  });

  it("stay when a client sends a port back that doesn't know them", () => {
    expect(update(port, port)).toEqual([OPTIONS, { HostIP: "::2" }]);
    expect(update(port)).toEqual([OPTIONS]);
    expect(update({ ...port, Protocol: "tcp", PublishMode: "ingress", Murmur: null })).toEqual([OPTIONS]);
    expect(update(port, { TargetPort: 9, PublishedPort: 81 })).toEqual([OPTIONS, undefined]);
    expect(update({ ...port, Murmur: OPTIONS }, port)).toEqual([OPTIONS, { HostIP: "::2" }]);
    expect(update(port, { ...port, Murmur: OPTIONS })).toEqual([{ HostIP: "::2" }, OPTIONS]);
  });

  it("go with the port that is another one now, and when they are said to be none", () => {
    expect(update({ ...port, PublishedPort: 81 })).toEqual([undefined]);
    expect(update({ ...port, Protocol: "udp" })).toEqual([undefined]);
    expect(update({ ...port, Murmur: {} })).toEqual([undefined]);
    expect(update({ ...port, Murmur: { LocalFirst: true, ProxyProtocol: false } })).toEqual([{ LocalFirst: true }]);
  });
});
