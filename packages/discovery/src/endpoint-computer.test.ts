import * as fc from "fast-check";
import { nodeId } from "@murmur/base";
import { serviceId, taskId, type DataPlaneKind } from "@murmur/model";
import { ingressNetwork, type Store } from "@murmur/store";
import { describe, expect, it } from "vitest";
import { EndpointComputer } from "./endpoint-computer.ts";
import { endpointTable } from "./endpoint-table.ts";
import { action, EndpointWorld, EXTRA, NETWORK, running } from "./testing/endpoint-world.ts";

const idsOf = ({ view }: Store): string[] =>
  endpointTable(view).services.flatMap(({ endpoints }) => endpoints.map((endpoint) => endpoint.taskId));

describe("the endpoint table", () => {
  it("says where the tasks that run are", () => {
    const { store } = running({ publishedPort: 8080 });
    expect(endpointTable(store.view)).toEqual({
      version: store.view.version,
      networks: [{ id: NETWORK, name: "default" }],
      services: [
        {
          serviceId: "web",
          name: "web",
          networks: [{ networkId: NETWORK, aliases: ["alias"] }],
          published: [{ protocol: "tcp", targetPort: 80, publishedPort: 8080 }],
          named: [{ name: "http", protocol: "tcp", targetPort: 80 }],
          endpoints: [
            {
              taskId: "t1",
              slot: 1,
              nodeId: "1",
              address: "10.0.0.1",
              ports: [{ protocol: "tcp", targetPort: 80, hostPort: 33_000 }],
            },
          ],
        },
      ],
    });
  });

  it("puts a service that names no network in the default one", () => {
    const [service] = endpointTable(running({ networks: false }).store.view).services;
    expect(service?.networks).toEqual([{ networkId: NETWORK, aliases: [] }]);
  });

  it("has no ingress network: nobody is in it", () => {
    const world = running({}, "overlay");
    const first = ingressNetwork(world.store.view)?.id ?? EXTRA;
    expect(world.apply({ kind: "removeNetwork", now: 0, id: first })).toBe(false);
    world.apply({ kind: "removeService", now: 0, id: serviceId("web") });
    world.apply({ kind: "removeNetwork", now: 0, id: first });
    const spec = { name: "again", labels: {}, attachable: false, internal: false, ingress: true };
    expect(world.apply({ kind: "createNetwork", now: 0, id: EXTRA, spec })).toBe(true);
    expect(endpointTable(world.store.view).networks.map(({ id }) => id)).toEqual([NETWORK]);
  });

  it("says of a network of its nodes' own what it is made with, and whether they keep it for containers", () => {
    const local = { driver: "macvlan", configFrom: "lan-conf" } as const;
    const made = (attachable: boolean) => {
      const world = running({}, "overlay");
      const spec = { name: "lan", labels: {}, attachable, internal: false, local };
      expect(world.apply({ kind: "createNetwork", now: 0, id: EXTRA, spec })).toBe(true);
      return endpointTable(world.store.view).networks.find(({ id }) => id === EXTRA);
    };
    expect(made(false)).toEqual({ id: EXTRA, name: "lan", local });
    expect(made(true)).toEqual({ id: EXTRA, name: "lan", local, attachable: true });
  });

  it.each<DataPlaneKind>(["ports", "overlay"])("has nothing of a service in its nodes' own network (%s)", (plane) => {
    const world = running({ onHost: true }, plane);
    expect(world.store.view.task(taskId("t1"))?.status.state).toBe("running");
    expect(endpointTable(world.store.view).services).toEqual([]);
  });

  it.each<[string, (world: EndpointWorld) => void]>([
    ["is to stop", (world) => world.apply({ kind: "setDesiredState", now: 0, id: taskId("t1"), desired: "shutdown" })],
    ["is unhealthy", (world) => world.run("t1", "1", "unhealthy")],
    ["is not healthy yet", (world) => world.run("t1", "1", "starting")],
    ["is on a node that is down", (world) => world.state("1", "down")],
    ["lost its node", (world) => world.apply({ kind: "removeNode", now: 0, id: nodeId("1"), force: true })],
    ["belongs to a removed service", (world) => world.apply({ kind: "removeService", now: 0, id: serviceId("web") })],
  ])("leaves out a task that %s", (_what, happens) => {
    const world = running();
    expect(idsOf(world.store)).toEqual(["t1"]);
    happens(world);
    expect(idsOf(world.store)).toEqual([]);
  });

  it("waits for the first health report of a task that has a health check", () => {
    const world = running({ checked: true });
    expect(idsOf(world.store)).toEqual([]);
    world.run("t1", "1", "healthy");
    expect(idsOf(world.store)).toEqual(["t1"]);
  });

  it("takes the host out of any address", () => {
    const world = new EndpointWorld();
    world.node("1", "[fd00::1]:7373");
    world.service("web");
    world.task("t1", "web", 1);
    world.run("t1", "1");
    expect(endpointTable(world.store.view).services[0]?.endpoints[0]?.address).toBe("fd00::1");
  });
});

describe("the endpoint table of an overlay cluster", () => {
  it("has the addresses of networks, services and tasks", () => {
    const { store } = running({ publishedPort: 8080 }, "overlay");
    const [vip] = store.view.service(serviceId("web"))?.vips ?? expect.fail();
    const [own] = store.view.task(taskId("t1"))?.addresses ?? expect.fail();
    expect(own?.ipv4).toMatch(/^10\.64\./);
    const table = endpointTable(store.view);
    const ipv4 = { subnet: "10.64.0.0/20", gateway: "10.64.0.1" };
    expect(table.networks).toEqual([{ id: NETWORK, name: "default", addressing: { vni: 4_097, ipv4 } }]);
    expect(table.services[0]).toMatchObject({
      vips: [vip],
      attached: [{ taskId: "t1", nodeId: "1", addresses: [{ networkId: NETWORK, ipv4: own?.ipv4 }] }],
      endpoints: [{ taskId: "t1", address: own?.ipv4 }],
    });
  });

  it("has a network's settings", () => {
    const world = new EndpointWorld("overlay");
    const own = { internal: true, ipv6: true, mtu: 1_400, subnets: [{ subnet: "fd00::/64" }] };
    const spec = { name: "back", labels: {}, attachable: false, ...own };
    world.apply({ kind: "createNetwork", now: 0, id: EXTRA, spec });
    expect(endpointTable(world.store.view).networks[1]).toMatchObject({
      name: "back",
      internal: true,
      mtu: 1_400,
      addressing: { vni: 4_098, ipv6: { subnet: "fd00::/64", gateway: "fd00::1" } },
    });
  });

  const attached = ({ view }: Store): string[] =>
    endpointTable(view).services.flatMap((service) => service.attached?.map((task) => task.taskId) ?? []);

  it.each<[string, (world: EndpointWorld) => void]>([
    ["is to stop", (world) => world.apply({ kind: "setDesiredState", now: 0, id: taskId("t1"), desired: "shutdown" })],
    ["is unhealthy", (world) => world.run("t1", "1", "unhealthy")],
    ["is on a node that is down", (world) => world.state("1", "down")],
  ])("keeps a task that %s attached, without an endpoint", (_what, happens) => {
    const world = running({}, "overlay");
    happens(world);
    expect(idsOf(world.store)).toEqual([]);
    expect(attached(world.store)).toEqual(["t1"]);
  });

  it("keeps the tasks of a removed service attached, and nothing else of it, until they have ended", () => {
    const world = running({ publishedPort: 8080 }, "overlay");
    world.apply({ kind: "removeService", now: 0, id: serviceId("web") });
    const [left] = endpointTable(world.store.view).services;
    expect(left).toMatchObject({ networks: [], published: [], endpoints: [], attached: [{ taskId: "t1" }] });
    expect(left).not.toHaveProperty("vips");
    const status = { state: "shutdown", at: 0, message: "" } as const;
    world.apply({ kind: "reportTasks", now: 0, nodeId: nodeId("1"), statuses: [{ id: taskId("t1"), status }] });
    expect(endpointTable(world.store.view).services).toEqual([]);
  });

  it("leaves out tasks that wait for a node, and those that have ended", () => {
    const world = running({}, "overlay");
    world.task("t2", "web", 2);
    expect(attached(world.store)).toEqual(["t1"]);
    world.apply({ kind: "removeNode", now: 0, id: nodeId("1"), force: true });
    expect(attached(world.store)).toEqual([]);
  });
});

describe("the computer", () => {
  it("always has what the whole computation gives", () => {
    const rounds = fc.array(fc.array(action, { minLength: 1, maxLength: 6 }), { maxLength: 15 });
    const plane = fc.constantFrom<DataPlaneKind[]>("ports", "overlay");
    fc.assert(
      fc.property(rounds, fc.constantFrom(3, 1_000), plane, (rounds, limit, dataPlane) => {
        const world = running({}, dataPlane);
        const watch = world.store.watch({ limit });
        const computer = new EndpointComputer(world.store.view);
        for (const round of rounds) {
          for (const act of round) act(world);
          computer.update(watch.drain());
          expect(computer.table).toEqual(endpointTable(world.store.view));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("keeps the objects of what has not changed", () => {
    const world = running();
    world.service("other");
    world.task("t2", "other", 1);
    const watch = world.store.watch({ limit: 100 });
    const computer = new EndpointComputer(world.store.view);
    const before = computer.table;
    expect(computer.update(watch.drain())).toBe(false);
    expect(computer.table).toBe(before);
    world.run("t1", "1", undefined, "only the message changed");
    expect(computer.update(watch.drain())).toBe(false);
    const same = computer.table;
    expect(same.services).toBe(before.services);
    expect(same.version).toBe(world.store.view.version);
    world.run("t2", "1");
    expect(computer.update(watch.drain())).toBe(true);
    const after = computer.table;
    const of = (table: typeof before, name: string) => table.services.find((service) => service.name === name);
    expect(of(after, "web")).toBe(of(before, "web"));
    expect(of(after, "other")?.endpoints).toHaveLength(1);
    expect(computer.update({ kind: "resync" })).toBe(false);
    expect(computer.table).toBe(after);
  });
});
