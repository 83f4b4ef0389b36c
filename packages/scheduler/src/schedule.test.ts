import type { PortConfig, Strategy } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { explain } from "./explain.ts";
import { FAILURE_WINDOW_MS, FAILURES_MAX } from "./node-load.ts";
import { schedule } from "./schedule.ts";
import { TestCluster, type NodeFacts, type ServiceFacts } from "./test-cluster.ts";

function place(cluster: TestCluster, strategy: Strategy = "spread"): readonly string[] {
  const decisions = schedule(cluster.nodes(), cluster.pending(), {
    networks: cluster.view,
    now: cluster.now,
    strategy,
  });
  cluster.commit(decisions);
  return decisions.flatMap((decision) => (decision.nodeId === undefined ? [decision.reason] : []));
}

const hostPort = (publishedPort: number, protocol: "tcp" | "udp" = "tcp"): PortConfig => ({
  protocol,
  targetPort: 80,
  publishedPort,
  mode: "host",
});

describe("filters", () => {
  const two: readonly NodeFacts[] = [{}, {}];
  const cases: readonly {
    readonly name: string;
    readonly nodes: readonly NodeFacts[];
    readonly service: ServiceFacts;
    readonly prepare?: (cluster: TestCluster) => void;
    readonly reason: string;
    readonly closest: readonly string[];
  }[] = [
    { name: "no nodes", nodes: [], service: {}, reason: "no suitable node", closest: [] },
    {
      name: "node down",
      nodes: [{}],
      service: {},
      prepare: (cluster) =>
        cluster.apply({ kind: "setNodeState", id: cluster.node(1), state: "down", message: "no answer" }),
      reason: "no suitable node (1 node not available for new tasks)",
      closest: ["host1", "node is down"],
    },
    {
      name: "availability",
      nodes: two,
      service: {},
      prepare: (cluster) => {
        cluster.updateNode(1, { availability: "drain" });
        cluster.updateNode(2, { availability: "pause" });
      },
      reason: "no suitable node (2 nodes not available for new tasks)",
      closest: ["host1", "availability is drain"],
    },
    {
      name: "engine down",
      nodes: [{}],
      service: {},
      prepare: (cluster) => {
        const engine = { state: "down", message: "connect ENOENT" } as const;
        cluster.apply({ kind: "describeNode", id: cluster.node(1), engine });
      },
      reason: "no suitable node (engine not available on 1 node)",
      closest: ["host1", "engine not available: connect ENOENT"],
    },
    {
      name: "memory",
      nodes: [{ memoryGib: 1 }, { memoryGib: 2 }],
      service: { memoryGib: 3 },
      reason: "no suitable node (insufficient resources on 2 nodes)",
      closest: ["host2", "1024 MiB of memory short"],
    },
    {
      name: "cpu and memory",
      nodes: [{ cpus: 1, memoryGib: 1 }],
      service: { cpus: 1.5, memoryGib: 2 },
      reason: "no suitable node (insufficient resources on 1 node)",
      closest: ["host1", "0.5 CPUs and 1024 MiB of memory short"],
    },
    {
      name: "constraints",
      nodes: [{ labels: { zone: "a" } }, { labels: { zone: "b" } }],
      service: {
        placement: {
          constraints: [
            { key: "node.labels.zone", operator: "==", value: "c" },
            { key: "node.hostname", operator: "!=", value: "host1" },
          ],
        },
      },
      reason: "no suitable node (scheduling constraints not satisfied on 2 nodes)",
      closest: ["host1", "node.labels.zone==c, node.hostname!=host1 not met"],
    },
    {
      name: "platform",
      nodes: two,
      service: { placement: { platforms: [{ os: "windows", architecture: "amd64" }] } },
      reason: "no suitable node (unsupported platform on 2 nodes)",
      closest: ["host1", "platform is linux/x86_64"],
    },
    {
      name: "volume plugin",
      nodes: [{ plugins: [{ kind: "Volume", name: "local" }] }],
      service: {
        container: {
          mounts: [
            { kind: "volume", source: "v", target: "/v", readOnly: false, volumeDriver: { name: "nfs", options: {} } },
          ],
        },
      },
      reason: "no suitable node (missing plugin on 1 node)",
      closest: ["host1", "no volume plugin nfs"],
    },
    {
      name: "devices and privileges",
      nodes: [{ permits: { devices: ["/dev/dri"] } }],
      service: {
        container: {
          devices: [{ source: "/dev/dri/card0", target: "/dev/gpu", permissions: "rw" }],
          privileged: true,
        },
      },
      reason: "no suitable node (privileged or device access not permitted on 1 node)",
      closest: ["host1", "privileged not permitted (murmur daemon --allow-device, --allow-privileged)"],
    },
    {
      name: "log plugin",
      nodes: [{ plugins: [{ kind: "Log", name: "json-file" }] }],
      service: { logDriver: "loki" },
      reason: "no suitable node (missing plugin on 1 node)",
      closest: ["host1", "no log plugin loki"],
    },
    {
      name: "several filters",
      nodes: [{ memoryGib: 1 }, { memoryGib: 1 }, { labels: { zone: "a" } }],
      service: {
        memoryGib: 2,
        placement: { constraints: [{ key: "node.labels.zone", operator: "==", value: "b" }] },
      },
      reason: "no suitable node (insufficient resources on 2 nodes; scheduling constraints not satisfied on 1 node)",
      closest: ["host3", "node.labels.zone==b not met"],
    },
  ];
  it.each(cases)("$name", ({ nodes, service, prepare, reason, closest }) => {
    const cluster = new TestCluster(nodes);
    prepare?.(cluster);
    cluster.service(1, service);
    expect(place(cluster)).toEqual([reason]);
    const [task] = cluster.pending();
    expect(task).toBeDefined();
    if (task === undefined) return;
    const explanation = explain(cluster.nodes(), task);
    expect(explanation).toMatchObject({ fitting: 0, message: reason });
    const said = explanation.closest === undefined ? [] : [explanation.closest.hostname, ...explanation.closest.lacks];
    expect(said.slice(0, 2)).toEqual(closest);
  });

  it.each([
    [
      "a device that the node permits",
      { permits: { devices: ["/dev/dri"] } },
      { container: { devices: [{ source: "/dev/dri/card0", target: "/dev/gpu", permissions: "rw" }] } },
    ],
    ["privileges that the node permits", { permits: { privileged: true } }, { container: { privileged: true } }],
    ["a log plugin where none are named", { plugins: [] }, { logDriver: "loki" }],
    ["a plugin with a tag", { plugins: [{ kind: "Log", name: "loki:latest" }] }, { logDriver: "loki" }],
    ["no log", { plugins: [{ kind: "Log", name: "json-file" }] }, { logDriver: "none" }],
    ["a platform by its other name", {}, { placement: { platforms: [{ os: "linux", architecture: "amd64" }] } }],
    ["exactly what there is", { cpus: 2, memoryGib: 2 }, { cpus: 2, memoryGib: 2 }],
  ] as const)("admit %s", (_, node, service) => {
    const cluster = new TestCluster([node]);
    const id = cluster.service(1, service);
    expect(place(cluster)).toEqual([]);
    expect(cluster.spread(id)).toEqual({ 1: 1 });
  });

  it("keep apart services that differ in nothing but what they ask to be permitted", () => {
    const cluster = new TestCluster([{ permits: { devices: ["/dev/dri"] } }, { permits: { privileged: true } }]);
    const device = { source: "/dev/dri/card0", target: "/dev/gpu", permissions: "rw" };
    const ids = [{}, { devices: [device] }, { privileged: true }, { devices: [{ ...device, source: "/dev/sda" }] }].map(
      (container) => cluster.service(2, { container, placement: { maxReplicasPerNode: 2 } }),
    );
    expect(place(cluster)).toEqual([]);
    const spreads = ids.map((id) => cluster.spread(id));
    expect(spreads).toEqual([{ 1: 1, 2: 1 }, { 1: 1, 2: 1 }, { 2: 2 }, { 2: 2 }]);
  });

  it("keep tasks from nodes that have no gateway in one of their networks", () => {
    // Subnets of sixteen addresses have gateways for seven nodes.
    const plane = { dataPlane: "overlay", addressPool: { subnet: "10.9.0.0/24", subnetLength: 28 } } as const;
    const cluster = new TestCluster(
      Array.from({ length: 9 }, () => ({ memoryGib: 1 })),
      plane,
    );
    for (let number = 2; number <= 7; number += 1) cluster.updateNode(number, { availability: "drain" });
    const web = cluster.service(2, { memoryGib: 1 });
    const reason =
      "no suitable node (6 nodes not available for new tasks; network default is too small on 2 nodes: it has gateways for nodes number 1 to 7; insufficient resources on 1 node)";
    expect(place(cluster)).toEqual([reason]);
    expect(cluster.spread(web)).toEqual({ 1: 1 });
    cluster.updateNode(1, { availability: "drain" });
    const small = cluster.service(1, {
      placement: { constraints: [{ key: "node.hostname", operator: "==", value: "host8" }] },
    });
    const [other] = cluster.view.tasksOfService(small);
    expect(other && explain(cluster.nodes(), other).closest).toEqual({
      nodeId: cluster.node(8),
      hostname: "host8",
      lacks: ["no gateway in network default, which has them for 7 nodes: it is number 8"],
    });
  });

  it("place no more tasks than their networks have addresses, and say so", () => {
    const plane = { dataPlane: "overlay", addressPool: { subnet: "10.9.0.0/24", subnetLength: 28 } } as const;
    const cluster = new TestCluster([{}, {}], plane);
    // Each service has a virtual address out of six.
    const web = cluster.service(3);
    const every = cluster.service(0, { global: true });
    for (const number of [1, 2]) cluster.task(every, cluster.node(number));
    const full =
      "no free address in network default (10.9.0.0/28: 2 of 6 in use); remove services or create a larger network";
    expect(place(cluster)).toEqual([full]);
    const [task] = cluster.view.tasksOfService(web);
    cluster.report(task?.id ?? expect.fail(), "failed");
    expect(place(cluster)).toEqual([]);
    expect(cluster.view.addressUse(task?.networks[0]?.networkId ?? expect.fail())).toMatchObject({ used: 6, count: 6 });
  });

  it("keep host ports apart, by protocol", () => {
    const cluster = new TestCluster([{}, {}]);
    const web = cluster.service(3, { ports: [hostPort(80)] });
    expect(place(cluster)).toEqual(["no suitable node (host-mode port already in use on 2 nodes)"]);
    expect(cluster.spread(web)).toEqual({ 1: 1, 2: 1 });
    const dns = cluster.service(2, { ports: [hostPort(80, "udp")] });
    expect(place(cluster)).toHaveLength(1);
    expect(cluster.spread(dns)).toEqual({ 1: 1, 2: 1 });
  });

  it("keep host ports apart by address, unless one stands for the other", () => {
    const cluster = new TestCluster([{}]);
    const on = (hostIp: string): PortConfig => ({ ...hostPort(80), hostIp });
    const services = [[on("10.0.0.1")], [on("10.0.0.2")], [on("::")]].map((ports) => cluster.service(1, { ports }));
    expect(place(cluster)).toEqual([]);
    for (const id of services) expect(cluster.spread(id)).toEqual({ 1: 1 });
    const refused = ["no suitable node (host-mode port already in use on 1 node)"];
    for (const ports of [[on("10.0.0.1")], [on("0.0.0.0")], [on("fd00::1")], [hostPort(80)]]) {
      const id = cluster.service(1, { ports });
      expect(place(cluster)).toEqual(refused);
      for (const task of cluster.view.tasksOfService(id)) cluster.want(task.id, "shutdown");
    }
  });

  it("keep to the most replicas per node, counting wanted tasks only", () => {
    const cluster = new TestCluster([{}, {}]);
    const web = cluster.service(5, { placement: { maxReplicasPerNode: 2 } });
    expect(place(cluster)).toEqual(["no suitable node (max replicas per node limit exceed)"]);
    expect(cluster.spread(web)).toEqual({ 1: 2, 2: 2 });
    const [first] = cluster.view.tasksOfService(web);
    if (first !== undefined) cluster.want(first.id, "shutdown");
    expect(place(cluster)).toEqual([]);
  });

  it("count what a task holds until it has stopped", () => {
    const cluster = new TestCluster([{ memoryGib: 1 }]);
    const web = cluster.service(2, { memoryGib: 1 });
    expect(place(cluster)).toHaveLength(1);
    const [first] = cluster.view.tasksOfService(web);
    expect(first).toBeDefined();
    if (first === undefined) return;
    cluster.want(first.id, "shutdown");
    expect(place(cluster)).toHaveLength(1);
    cluster.report(first.id, "shutdown");
    expect(place(cluster)).toEqual([]);
  });
});

describe("a task that was made for a node", () => {
  it("gets that node when it has room", () => {
    const cluster = new TestCluster([{}, {}]);
    const id = cluster.service(0, { global: true });
    cluster.task(id, cluster.node(2));
    expect(place(cluster)).toEqual([]);
    expect(cluster.spread(id)).toEqual({ 2: 1 });
    expect(cluster.pending()).toEqual([]);
  });

  it("waits when it has none, whatever others have", () => {
    const cluster = new TestCluster([{ memoryGib: 1 }, { memoryGib: 8 }]);
    const id = cluster.service(0, { global: true, memoryGib: 2 });
    cluster.task(id, cluster.node(1));
    expect(place(cluster)).toEqual(["no suitable node (insufficient resources on 1 node)"]);
  });
});

describe("spread", () => {
  it("evens a service out, then the nodes", () => {
    const cluster = new TestCluster([{}, {}, {}]);
    const web = cluster.service(4);
    const other = cluster.service(5);
    place(cluster);
    expect(Object.values(cluster.spread(web)).toSorted((a, b) => a - b)).toEqual([1, 1, 2]);
    const totals = [1, 2, 3].map((node) => (cluster.spread(web)[node] ?? 0) + (cluster.spread(other)[node] ?? 0));
    expect(totals).toEqual([3, 3, 3]);
  });

  it("prefers the node with the larger free share", () => {
    const cluster = new TestCluster([{ memoryGib: 4 }, { memoryGib: 64 }]);
    const web = cluster.service(1, { memoryGib: 2 });
    place(cluster);
    expect(cluster.spread(web)).toEqual({ 2: 1 });
  });

  it("does not put every small service on the same node", () => {
    const cluster = new TestCluster(Array.from({ length: 10 }, () => ({})));
    const used = new Set<string>();
    for (let count = 0; count < 10; count += 1) {
      const id = cluster.service(1);
      place(cluster);
      used.add(Object.keys(cluster.spread(id)).join());
    }
    expect(used.size).toBe(10);
  });

  it("avoids a node where the service has just failed, even more so when it failed often", () => {
    const cluster = new TestCluster([{}, {}]);
    const web = cluster.service(FAILURES_MAX);
    cluster.updateNode(2, { availability: "pause" });
    place(cluster);
    for (const { id } of cluster.view.tasksOfService(web)) {
      cluster.report(id, "failed");
      cluster.want(id, "shutdown");
    }
    cluster.updateNode(2, { availability: "active" });
    // The second finds the service on both nodes.
    for (let slot = 1; slot <= 3; slot += 1) {
      cluster.task(web, slot);
      place(cluster);
    }
    expect(cluster.spread(web)).toEqual({ 1: FAILURES_MAX, 2: 3 });
    cluster.now += FAILURE_WINDOW_MS;
    for (let slot = 6; slot <= 8; slot += 1) cluster.task(web, slot);
    place(cluster);
    expect(cluster.spread(web)).toEqual({ 1: FAILURES_MAX + 3, 2: 3 });
  });

  it("does not hold the failures of another service or spec against a task", () => {
    const cluster = new TestCluster([{}, {}]);
    const web = cluster.service(1);
    const other = cluster.service(0);
    place(cluster);
    const [task] = cluster.view.tasksOfService(web);
    expect(task?.nodeId).toBeDefined();
    if (task?.nodeId === undefined) return;
    cluster.report(task.id, "rejected");
    const load = cluster.nodes().load(task.nodeId);
    const { serviceId, specVersion } = task;
    expect(load?.failuresOf({ serviceId, specVersion }, cluster.now)).toBe(1);
    expect(load?.failuresOf({ serviceId, specVersion: specVersion + 1 }, cluster.now)).toBe(0);
    expect(load?.failuresOf({ serviceId: other, specVersion }, cluster.now)).toBe(0);
  });
});

describe("spread preferences", () => {
  const zones = ["a", "a", "a", "b"].map((zone, position) => ({ labels: { zone, rack: String(position % 2) } }));

  it("even out the values of a label before the nodes", () => {
    const cluster = new TestCluster(zones);
    const web = cluster.service(6, { placement: { preferences: [{ spread: "node.labels.zone" }] } });
    place(cluster);
    expect(cluster.spread(web)).toEqual({ 1: 1, 2: 1, 3: 1, 4: 3 });
  });

  it("can be nested", () => {
    const cluster = new TestCluster(zones);
    const preferences = [{ spread: "node.labels.zone" }, { spread: "node.labels.rack" }];
    const web = cluster.service(8, { placement: { preferences } });
    place(cluster);
    const spread = cluster.spread(web);
    expect(spread[4]).toBe(4);
    expect(spread[2]).toBe(2);
    expect((spread[1] ?? 0) + (spread[3] ?? 0)).toBe(2);
  });

  it("count tasks on nodes that take no more, and go on where there is room", () => {
    const cluster = new TestCluster(zones.map((facts, position) => ({ ...facts, memoryGib: position === 3 ? 1 : 8 })));
    const web = cluster.service(5, { memoryGib: 1, placement: { preferences: [{ spread: "node.labels.zone" }] } });
    expect(place(cluster)).toEqual([]);
    expect(cluster.spread(web)[4]).toBe(1);
  });

  it("take nodes without the label as one more value, and pass over what is no attribute", () => {
    const cluster = new TestCluster([{ labels: { zone: "a" } }, {}, {}]);
    const preferences = [{ spread: "engine.labels.none" }, { spread: "node.labels.zone" }];
    const web = cluster.service(4, { placement: { preferences } });
    place(cluster);
    expect(cluster.spread(web)).toEqual({ 1: 2, 2: 1, 3: 1 });
  });
});

describe("binpack", () => {
  it("fills one node before it begins another", () => {
    const cluster = new TestCluster([{ cpus: 4 }, { cpus: 4 }, { cpus: 4 }]);
    const web = cluster.service(5, { cpus: 1 });
    place(cluster, "binpack");
    expect(Object.values(cluster.spread(web)).toSorted((a, b) => a - b)).toEqual([1, 4]);
  });
});

describe("a batch", () => {
  it("leaves the node set as it was", () => {
    const cluster = new TestCluster([{ memoryGib: 4 }, {}]);
    cluster.service(6, { memoryGib: 1, ports: [] });
    cluster.service(2, { ports: [hostPort(80)] });
    const nodes = cluster.nodes();
    const before = [...nodes.loads()].map((load) => load.summary());
    const decisions = schedule(nodes, cluster.pending(), { networks: cluster.view, now: cluster.now });
    expect([...nodes.loads()].map((load) => load.summary())).toEqual(before);
    expect(schedule(nodes, cluster.pending(), { networks: cluster.view, now: cluster.now })).toEqual(decisions);
  });

  it("says of each task what becomes of it, in order of the groups", () => {
    const cluster = new TestCluster([{ memoryGib: 3 }]);
    cluster.service(2, { memoryGib: 1 });
    cluster.service(2, { memoryGib: 1 });
    const decisions = schedule(cluster.nodes(), cluster.pending(), { networks: cluster.view, now: cluster.now });
    expect(decisions.map(({ nodeId }) => nodeId === undefined)).toEqual([false, false, false, true]);
  });
});
