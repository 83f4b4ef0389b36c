import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { validateCommand } from "./check-command.ts";
import { DEFAULT_CLUSTER_SPEC } from "./cluster.ts";
import type { ContainerSpec, Mount } from "./container-spec.ts";
import { DEFAULTED_PARTS } from "./defaulted-part.ts";
import { networkId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { NODE_NETWORKS } from "./node-network.ts";
import { DEFAULT_UPDATE, type PortConfig, type ServiceSpec, type TaskSpec } from "./service-spec.ts";
import { plainService as spec, plainTask as task } from "./testing/plain-service.ts";
import { validateClusterSpec, validateNodeSpec, validateServiceSpec, validateTaskStatus } from "./validation.ts";

const withTask = (more: Partial<TaskSpec>): ServiceSpec => ({ ...spec, task: { ...task, ...more } });
const withContainer = (more: Partial<ContainerSpec>): ServiceSpec =>
  withTask({ container: { ...task.container, ...more } });
const withPorts = (...ports: readonly PortConfig[]): ServiceSpec => ({ ...spec, endpoint: { mode: "vip", ports } });
const port = (publishedPort: number, more: Partial<PortConfig> = {}): PortConfig => {
  return { protocol: "tcp", targetPort: 80, publishedPort, mode: "ingress", ...more };
};
const volume = (target: string, more: Partial<Mount> = {}): Mount => {
  return { kind: "volume", source: "data", target, readOnly: false, ...more };
};

const [inHost, , inNone] = NODE_NETWORKS.map(({ id }) => ({ target: id, aliases: [] }));
if (inHost === undefined || inNone === undefined) throw new Error("nodes have no networks");

describe("a service spec", () => {
  it("that is right has no problems", () => {
    expect(validateServiceSpec(spec)).toEqual([]);
    const full = withContainer({
      env: ["A=b=c", "PATH"],
      mounts: [volume("/data"), { kind: "bind", source: "/etc", target: "/host", readOnly: true }],
      healthCheck: { test: ["CMD", "true"], intervalMs: 1_000, retries: 3 },
      hostname: "{{.Node.Hostname}}-{{.Task.Slot}}",
      labels: { "com.example/ü": "any\nvalue" },
      stopSignal: "SIGTERM",
    });
    expect(validateServiceSpec(full)).toEqual([]);
    expect(validateServiceSpec(withPorts(port(80), port(80, { protocol: "udp" }), port(0), port(0)))).toEqual([]);
    const options = { balancing: "peak-ewma", proxyProtocol: true, localFirst: true } as const;
    const bound = [port(80, { hostIp: "10.0.0.1", ...options }), port(80, { hostIp: "fd00::1", mode: "host" })];
    expect(validateServiceSpec(withPorts(...bound))).toEqual([]);
    const onHost = withPorts(port(80, { mode: "host" }));
    expect(validateServiceSpec({ ...onHost, task: { ...task, networks: [inHost] } })).toEqual([]);
    expect(validateServiceSpec(withPorts(port(80, { protocol: "sctp", balancing: "source-hash" })))).toEqual([]);
    expect(validateServiceSpec({ ...spec, defaulted: [...DEFAULTED_PARTS] })).toEqual([]);
  });

  it.each<[string, ServiceSpec, string]>([
    ["empty name", { ...spec, name: "" }, "name"],
    ["long name", { ...spec, name: "a".repeat(64) }, "name"],
    ["name in unicode", { ...spec, name: "wéb" }, "name"],
    ["name of two lines", { ...spec, name: "web\n" }, "name"],
    ["negative replicas", { ...spec, mode: { kind: "replicated", replicas: -1 } }, "mode.replicas"],
    ["NaN replicas", { ...spec, mode: { kind: "replicated", replicas: NaN } }, "not finite"],
    ["half a replica", { ...spec, mode: { kind: "replicated", replicas: 1.5 } }, "mode.replicas"],
    ["huge replicas", { ...spec, mode: { kind: "replicated", replicas: 100_001 } }, "mode.replicas"],
    ["no image", withContainer({ image: "" }), "task.container.image"],
    ["image with a space", withContainer({ image: "a b" }), "task.container.image"],
    ["env without name", withContainer({ env: ["=x"] }), "task.container.env[0]"],
    ["env with NUL", withContainer({ env: ["A=\0"] }), "task.container.env[0]"],
    ["relative target", withContainer({ mounts: [volume("data")] }), "task.container.mounts[0].target"],
    ["root target", withContainer({ mounts: [volume("/./")] }), "task.container.mounts[0].target"],
    ["targets twice", withContainer({ mounts: [volume("/a"), volume("//a/")] }), "task.container.mounts[1].target"],
    [
      "bind without path",
      withContainer({ mounts: [volume("/a", { kind: "bind" })] }),
      "task.container.mounts[0].source",
    ],
    [
      "image without a name",
      withContainer({ mounts: [volume("/a", { kind: "image", source: "" })] }),
      "task.container.mounts[0].source: must name an image",
    ],
    [
      "subpath out of the volume",
      withContainer({ mounts: [volume("/a", { volumeSubpath: "a/../.." })] }),
      'task.container.mounts[0].volumeSubpath: must be a relative path without ".."',
    ],
    [
      "subpath from the root",
      withContainer({ mounts: [volume("/a", { volumeSubpath: "/a" })] }),
      "task.container.mounts[0].volumeSubpath",
    ],
    [
      "read-only depth of what is writable",
      withContainer({
        mounts: [volume("/a", { kind: "bind", source: "/s", readOnly: false, bindReadOnly: "non-recursive" })],
      }),
      "task.container.mounts[0].bindReadOnly: is for read-only mounts only",
    ],
    ["tmpfs field", withContainer({ mounts: [volume("/a", { tmpfsMode: 1 })] }), "mounts[0].tmpfsMode: is for tmpfs"],
    ["empty label name", { ...spec, labels: { "": "x" } }, "labels key"],
    ["port twice", withPorts(port(80), port(80, { targetPort: 81 })), "endpoint.ports[1].publishedPort"],
    [
      "port twice on addresses that overlap",
      withPorts(port(80, { hostIp: "10.0.0.1" }), port(80, { hostIp: "10.0.0.2" }), port(80, { hostIp: "0.0.0.0" })),
      "endpoint.ports[2].publishedPort: must differ from that of ports[0]",
    ],
    ["an address with a zone", withPorts(port(80, { hostIp: "fe80::1%eth0" })), "endpoint.ports[0].hostIp"],
    ["an address in a long form", withPorts(port(80, { hostIp: "0:0:0:0:0:0:0:1" })), "endpoint.ports[0].hostIp"],
    ["an unknown balancing", withPorts(port(80, { balancing: "best" as "random" })), "endpoint.ports[0].balancing"],
    ["a balancing of a host port", withPorts(port(80, { mode: "host", balancing: "random" })), "ports[0].balancing"],
    [
      "PROXY protocol over UDP",
      withPorts(port(80, { protocol: "udp", proxyProtocol: true })),
      "endpoint.ports[0].proxyProtocol",
    ],
    ["peak-ewma over UDP", withPorts(port(80, { protocol: "udp", balancing: "peak-ewma" })), "ports[0].balancing"],
    ["SCTP by proxy", withPorts(port(80, { protocol: "sctp", balancing: "least-conn" })), "endpoint.ports[0].protocol"],
    ["port 65536", withPorts(port(65_536)), "endpoint.ports[0].publishedPort"],
    ["target port 0", withPorts(port(80, { targetPort: 0 })), "endpoint.ports[0].targetPort"],
    ["ingress with dnsrr", { ...spec, endpoint: { mode: "dnsrr", ports: [port(80)] } }, "endpoint.ports[0].mode"],
    ["ratio", { ...spec, update: { ...DEFAULT_UPDATE, maxFailureRatio: 2 } }, "update.maxFailureRatio"],
    ["rollback", { ...spec, rollback: { ...DEFAULT_UPDATE, failureAction: "rollback" } }, "rollback.failureAction"],
    ["health", withContainer({ healthCheck: { test: ["CMD"] } }), "healthCheck.test"],
    ["host beside another", withTask({ networks: [attach("a"), inHost] }), "task.networks: must name host alone"],
    [
      "ingress in host",
      { ...withPorts(port(80)), task: { ...task, networks: [inHost] } },
      "ports[0].mode: must be host",
    ],
    [
      "a port in none",
      { ...withPorts(port(80, { mode: "host" })), task: { ...task, networks: [inNone] } },
      "endpoint.ports[0].mode: must be left out with the port",
    ],
    ["network twice", withTask({ networks: [attach("a"), attach("b"), attach("a")] }), "task.networks[2].target"],
    [
      "limit below reservation",
      withTask({
        resources: {
          reservations: { nanoCpus: 0, memoryBytes: 20 },
          limits: { nanoCpus: 0, memoryBytes: 10, pids: 0 },
        },
      }),
      "task.resources.limits.memoryBytes: must not be below the reservation, 20",
    ],
    [
      "unknown constraint",
      withTask({
        placement: { ...task.placement, constraints: [{ key: "node.color", operator: "==", value: "red" }] },
      }),
      "task.placement.constraints[0].key: must be node.id, node.hostname",
    ],
    [
      "spread over nothing",
      withTask({ placement: { ...task.placement, preferences: [{ spread: "" }] } }),
      "task.placement.preferences[0].spread",
    ],
    [
      "a part said to be as by default that isn't",
      { ...spec, update: { ...spec.update, parallelism: 2 }, defaulted: ["update.monitorMs", "update"] },
      "update: must be as it is by default",
    ],
    ["unknown field", { ...spec, replicas: 3 } as ServiceSpec, "replicas: is no known field"],
    ["too big", withContainer({ env: Array.from({ length: 1_000 }, () => `A=${"x".repeat(2_000)}`) }), "larger than"],
  ])("with %s is refused, in one line", (_what, wrong, says) => {
    const problems = validateServiceSpec(wrong);
    expect(problems.join("|")).toContain(says);
    for (const problem of problems) expect(problem).not.toMatch(/[\r\n]/);
  });

  it("lists a bounded number of problems", () => {
    const env = Array.from({ length: 100 }, () => "");
    expect(validateServiceSpec(withContainer({ env }))).toHaveLength(LIMITS.problems + 1);
  });
});

const attach = (id: string) => ({ target: networkId(id), aliases: [] });

describe("every validation", () => {
  it("takes anything, also what is deep, endless or not data", () => {
    const checks = [validateServiceSpec, validateNodeSpec, validateClusterSpec, validateTaskStatus, validateCommand];
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    for (const check of checks as readonly ((value: unknown) => readonly string[])[]) {
      fc.assert(
        fc.property(
          fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
          (any) => {
            expect(check(any).length).toBeGreaterThan(0);
          },
        ),
      );
      expect(check(circle)[0]).toContain("nested deeper");
    }
  });

  it("takes every field of a right spec in turn, broken", () => {
    const broken = fc.constantFrom<unknown>(null, -1, 1e300, "", "\0", [], {}, [[]], true, { kind: "x" });
    fc.assert(
      fc.property(fc.constantFrom(...pathsOf(spec)), broken, (path, value) => {
        const problems = validateServiceSpec(replaced(spec, path, value) as ServiceSpec);
        expect(Array.isArray(problems)).toBe(true);
      }),
    );
  });

  it("knows a right node, cluster and status", () => {
    expect(validateNodeSpec({ labels: { zone: "a" }, availability: "active", pinnedRole: "manager" })).toEqual([]);
    expect(validateNodeSpec({ name: "a b", labels: {}, availability: "active" })).toHaveLength(1);
    expect(validateClusterSpec(DEFAULT_CLUSTER_SPEC)).toEqual([]);
    expect(validateClusterSpec({ ...DEFAULT_CLUSTER_SPEC, voters: 4 })).toEqual(["voters: must be one of 1, 3, 5, 7"]);
    expect(validateTaskStatus({ state: "running", at: 1, message: "", health: "healthy" })).toEqual([]);
  });
});

/** The path of every field. */
function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, field]) => [[...path, key], ...pathsOf(field, [...path, key])]);
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const fields = new Map(Object.entries(value as object));
  return Object.fromEntries(fields.set(key, replaced(fields.get(key), rest, by)));
}
