import { nodeId } from "@murmur/base";
import {
  FIRST_INGRESS,
  networkId,
  nodeGateway,
  serviceId,
  taskId,
  type Network,
  type NetworkSpec,
} from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, serviceSpec } from "./fixtures.ts";
import { ingressNetwork } from "./ingress.ts";
import { createStore } from "./store.ts";

const overlay = (): Driver => new Driver().cluster({ dataPlane: "overlay" });
const networkOf = ({ store }: Driver, name: string): Network | undefined => store.view.network(networkId(name));
const subnetOf = (driver: Driver, name: string): string | undefined => networkOf(driver, name)?.addressing?.ipv4.subnet;
const named = (...subnets: readonly string[]): Partial<NetworkSpec> => ({
  subnets: subnets.map((subnet) => ({ subnet })),
});

function describeSubnets(driver: Driver, node: string, subnets: readonly string[]): void {
  const description = {
    hostname: `host-${node}`,
    platform: { os: "linux", architecture: "x86_64" },
    resources: { nanoCpus: 0, memoryBytes: 0 },
    engine: { version: "1", labels: {}, plugins: [] },
    murmurVersion: "1",
    dataPlane: "overlay",
    subnets,
  } as const;
  driver.do({ kind: "describeNode", id: nodeId(node), description });
}

function join(driver: Driver, id: string, address: string) {
  const facts = { keyDigest: `key-${id}`, hostname: `host-${id}`, labels: {}, availability: "active" } as const;
  return driver.try({ kind: "createNode", id: nodeId(id), address, ...facts });
}

describe("a new network", () => {
  it("has no addressing in a cluster of the ports plane", () => {
    const driver = new Driver().cluster().nodes("n1");
    expect(driver.network("front", named("10.1.0.0/16")).ok).toBe(true);
    expect(networkOf(driver, "front")).not.toHaveProperty("addressing");
    expect(driver.store.view.node(nodeId("n1"))).not.toHaveProperty("number");
    driver.service("web");
    driver.createTask("t1", "web");
    expect(driver.store.view.service(serviceId("web"))).not.toHaveProperty("vips");
    expect(driver.task("t1")).not.toHaveProperty("addresses");
  });

  it("gets the next VNI and the next subnet of the pool, as the default network did", () => {
    const driver = overlay();
    expect(networkOf(driver, "net0")?.addressing).toEqual({
      vni: 4_097,
      ipv4: { subnet: "10.64.0.0/20", gateway: "10.64.0.1" },
    });
    driver.network("front");
    expect(networkOf(driver, "front")?.addressing).toEqual({
      vni: 4_098,
      ipv4: { subnet: "10.64.16.0/20", gateway: "10.64.16.1" },
    });
  });

  it("takes up what a removed one had", () => {
    const driver = overlay();
    for (const name of ["a", "b", "c"]) driver.network(name);
    const before = networkOf(driver, "b")?.addressing;
    driver.do({ kind: "removeNetwork", id: networkId("b") });
    driver.network("d");
    expect(networkOf(driver, "d")?.addressing).toEqual(before);
  });

  it("passes over subnets that overlap a network, a node's address or a node's own subnet", () => {
    const driver = overlay();
    driver.network("wide", named("10.64.32.0/19"));
    expect(join(driver, "n1", "10.64.80.7:7373").ok).toBe(true);
    describeSubnets(driver, "n1", ["10.64.16.0/24", "10.64.64.0/20", "10.64.64.0/24", "fd00::/64"]);
    driver.network("front");
    expect(subnetOf(driver, "front")).toBe("10.64.96.0/20");
  });

  it("is refused when the pool has no subnet left", () => {
    const driver = new Driver().cluster({
      dataPlane: "overlay",
      addressPool: { subnet: "10.9.0.0/24", subnetLength: 25 },
    });
    expect(driver.network("a").ok).toBe(true);
    expect(driver.network("b")).toMatchObject({
      ok: false,
      message: expect.stringContaining("address pool exhausted: no subnet of length 25 is left in 10.9.0.0/24"),
    });
  });

  it("goes on to the next subnet of the pool when one has nothing left", () => {
    const addressPool = { subnet: "10.9.0.0/24", further: ["10.8.0.0/24", "10.7.0.0/25"], subnetLength: 25 };
    const driver = new Driver().cluster({ dataPlane: "overlay", addressPool });
    for (const name of ["a", "b", "c", "d"]) driver.network(name);
    const made = ["a", "b", "c", "d"].map((name) => subnetOf(driver, name));
    expect(made).toEqual(["10.9.0.128/25", "10.8.0.0/25", "10.8.0.128/25", "10.7.0.0/25"]);
    expect(driver.network("e")).toMatchObject({
      ok: false,
      message: expect.stringContaining("is left in 10.9.0.0/24, 10.8.0.0/24, 10.7.0.0/25"),
    });
    driver.do({ kind: "removeNetwork", id: networkId("b") });
    driver.network("e");
    expect(subnetOf(driver, "e")).toBe("10.8.0.0/25");
  });

  it("keeps what the user names, in its one form", () => {
    const driver = overlay();
    const ipv6 = { subnet: "FD00:0:0:1::/64", gateway: "fd00:0:0:1:0::9", range: "fd00:0:0:1::/96" };
    driver.network("front", { ipv6: true, subnets: [{ subnet: "10.1.0.0/16", gateway: "10.1.9.9" }, ipv6] });
    expect(networkOf(driver, "front")?.addressing).toEqual({
      vni: 4_098,
      ipv4: { subnet: "10.1.0.0/16", gateway: "10.1.9.9" },
      ipv6: { subnet: "fd00:0:0:1::/64", gateway: "fd00:0:0:1::9", range: "fd00:0:0:1::/96" },
    });
  });

  it.each([
    ["a network", "10.64.0.0/16", "overlaps 10.64.0.0/20 of network default"],
    ["a node's address", "10.5.0.0/16", "overlaps 10.5.1.2, the address of node host-n1"],
    ["a node's subnet", "172.17.0.0/24", "overlaps 172.17.0.0/16, a subnet of node host-n1"],
  ])("is refused when its subnet overlaps %s", (_, subnet, says) => {
    const driver = overlay();
    join(driver, "n1", "10.5.1.2:7373");
    describeSubnets(driver, "n1", ["172.17.0.0/16"]);
    const result = driver.network("front", named(subnet));
    expect(result).toMatchObject({ ok: false, code: "in_use", message: expect.stringContaining(says) });
  });

  it("gets a /64 of IPv6 that follows from the cluster's id and its own", () => {
    const made = (...names: readonly string[]): readonly string[] => {
      const driver = overlay();
      for (const name of names) driver.network(name, { ipv6: true });
      return names.map((name) => networkOf(driver, name)?.addressing?.ipv6?.subnet ?? "");
    };
    const [front, back] = made("front", "back");
    expect(front).toMatch(/^fd[0-9a-f:]+\/64$/);
    expect(made("back", "front")).toEqual([back, front]);
    expect(front?.split(":").slice(0, 3)).toEqual(back?.split(":").slice(0, 3));
    expect(front).not.toBe(back);
  });

  it("keeps half of the upper half for containers connected by hand where it is attachable", () => {
    const driver = overlay();
    driver.network("front", { attachable: true, ipv6: true });
    const { addressing } = networkOf(driver, "front") ?? {};
    expect(addressing?.ipv4).toMatchObject({ subnet: "10.64.16.0/20", byHand: "10.64.24.0/22" });
    expect(addressing?.ipv6?.byHand).toMatch(/8000::\/116$/);
    driver.network("back");
    expect(networkOf(driver, "back")?.addressing?.ipv4).not.toHaveProperty("byHand");
  });

  it("is refused with a name or an id that is there", () => {
    const driver = overlay();
    driver.network("front");
    expect(driver.network("front")).toMatchObject({ ok: false, code: "already_exists" });
    const spec = { name: "other", labels: {}, attachable: false, internal: false };
    const again = driver.try({ kind: "createNetwork", id: networkId("front"), spec });
    expect(again).toMatchObject({ ok: false, code: "already_exists" });
  });
});

describe("removing a network", () => {
  const removed = (driver: Driver) => driver.try({ kind: "removeNetwork", id: networkId("front") });

  it.each(["overlay", "ports"] as const)("is refused while a service or a task of one is in it (%s)", (dataPlane) => {
    const driver = new Driver().cluster({ dataPlane }).nodes("n1");
    driver.network("front");
    driver.service("web", { networks: ["front"] }).running("t1", "web", "n1");
    expect(removed(driver)).toMatchObject({
      code: "in_use",
      message: expect.stringContaining("in use by service web;"),
    });
    const { version = 0 } = driver.store.view.service(serviceId("web")) ?? {};
    driver.do({ kind: "updateService", id: serviceId("web"), version, spec: serviceSpec("web") });
    expect(removed(driver)).toMatchObject({ code: "in_use", message: expect.stringContaining("by task web.1.t1;") });
    driver.do({ kind: "setDesiredState", id: taskId("t1"), desired: "shutdown" });
    expect(removed(driver)).toMatchObject({ ok: true });
  });

  it("is done at once in the ports plane, whoever has to stop still", () => {
    const driver = new Driver().cluster().nodes("n1");
    driver.network("front");
    driver.service("web", { networks: ["front"] }).running("t1", "web", "n1");
    driver.do({ kind: "removeService", id: serviceId("web") });
    expect(removed(driver)).toMatchObject({ ok: true });
    expect(networkOf(driver, "front")).toBeUndefined();
  });

  it("frees its name at once, and its subnet with the last task that has to stop", () => {
    const driver = overlay().nodes("n1");
    driver.network("front", named("10.9.0.0/24"));
    const { addressing } = networkOf(driver, "front") ?? {};
    driver.service("web", { networks: ["front"] }).running("t1", "web", "n1");
    driver.do({ kind: "removeService", id: serviceId("web") });
    expect(removed(driver)).toMatchObject({ ok: true });
    expect(removed(driver)).toMatchObject({ code: "not_found" });
    expect(driver.store.view.networkByName("front")).toBeUndefined();
    expect(networkOf(driver, "front")).toMatchObject({ removing: true, addressing });
    const again = (id: string, more: Partial<NetworkSpec>) => {
      const spec = { name: "front", labels: {}, attachable: false, internal: false, ...more };
      return driver.try({ kind: "createNetwork", id: networkId(id), spec });
    };
    expect(again("front2", named("10.9.0.0/25"))).toMatchObject({
      code: "in_use",
      message: expect.stringContaining("network front, which is there until its last tasks have stopped; choose"),
    });
    const late = driver.try({
      kind: "createService",
      id: serviceId("late"),
      spec: serviceSpec("late", { networks: ["front"] }),
    });
    expect(late).toMatchObject({ code: "not_found", message: "network front not found" });
    expect(again("front2", {})).toMatchObject({ ok: true });
    expect(networkOf(driver, "front2")?.addressing?.vni).not.toBe(addressing?.vni);
    driver.report("n1", "t1", { state: "shutdown" });
    expect(networkOf(driver, "front")).toBeUndefined();
    expect(driver.store.view.networkByName("front")?.id).toBe("front2");
    expect(driver.network("back", named("10.9.0.0/25"))).toMatchObject({ ok: true });
  });

  it("goes on in a store that began from a snapshot", () => {
    const driver = overlay().nodes("n1");
    driver.network("front");
    driver.service("web", { networks: ["front"] }).running("t1", "web", "n1");
    driver.do({ kind: "removeService", id: serviceId("web") });
    driver.do({ kind: "removeNetwork", id: networkId("front") });
    const copy = createStore();
    const restore = copy.restore();
    for (const chunk of driver.store.snapshot()) restore.push(chunk);
    expect(restore.finish()).toMatchObject({ ok: true });
    const status = { state: "shutdown", at: 1, message: "" } as const;
    const ended = {
      kind: "reportTasks",
      nodeId: nodeId("n1"),
      statuses: [{ id: taskId("t1"), status }],
      now: 1,
    } as const;
    for (const store of [driver.store, copy]) store.apply(driver.index + 1, ended);
    expect(copy.view.network(networkId("front"))).toBeUndefined();
    expect(copy.hash()).toBe(driver.store.hash());
  });

  // A network that was removed later than another one, but made before it, came last in one replica and first in the other
  // (seed 1100073878).
  it("goes in the same order on a replica that began from a snapshot", () => {
    const driver = overlay().nodes("n1");
    for (const name of ["front", "back"]) driver.network(name);
    driver.service("web", { networks: ["front", "back"] }).running("t1", "web", "n1");
    driver.do({ kind: "removeService", id: serviceId("web") });
    for (const name of ["back", "front"]) driver.do({ kind: "removeNetwork", id: networkId(name) });
    const copy = createStore();
    const restore = copy.restore();
    for (const chunk of driver.store.snapshot()) restore.push(chunk);
    expect(restore.finish()).toMatchObject({ ok: true });
    const removals = [driver.store, copy].map((store) => {
      const watch = store.watch({ limit: 10 });
      const status = { state: "shutdown", at: 1, message: "" } as const;
      const statuses = [{ id: taskId("t1"), status }];
      store.apply(driver.index + 1, { kind: "reportTasks", nodeId: nodeId("n1"), statuses, now: 1 });
      const events = watch.drain();
      const changes = events.kind === "changes" ? events.batches.flatMap((batch) => batch.changes) : [];
      return changes.flatMap(({ kind, table, id }) => (kind === "delete" && table === "networks" ? id : []));
    });
    expect(removals).toEqual([
      ["front", "back"],
      ["front", "back"],
    ]);
  });

  it("lets services that are being removed go on without their address in it", () => {
    const driver = overlay().nodes("n1");
    driver.network("front");
    driver.service("web", { networks: ["net0", "front"] }).running("t1", "web", "n1");
    driver.do({ kind: "removeService", id: serviceId("web") });
    expect(removed(driver).ok).toBe(true);
    const left = driver.store.view.service(serviceId("web"))?.vips?.map((vip) => vip.networkId);
    expect(left).toEqual(["net0"]);
  });

  it("lists some of many", () => {
    const driver = overlay();
    driver.network("front");
    for (const name of ["a", "b", "c", "d", "e", "f", "g"]) driver.service(name, { networks: ["front"] });
    expect(removed(driver)).toMatchObject({ message: expect.stringContaining("services a, b, c, d, e and 2 more;") });
  });

  it("is refused for the default one, and for one that isn't there", () => {
    const driver = overlay();
    expect(driver.try({ kind: "removeNetwork", id: networkId("net0") })).toMatchObject({ code: "failed_precondition" });
    expect(removed(driver)).toMatchObject({ code: "not_found" });
  });
});

describe("a network that each node has of its own", () => {
  const local = { driver: "macvlan", configFrom: "lan-conf" } as const;
  const withLan = (): Driver => {
    const driver = overlay().nodes("n1");
    driver.network("lan", { local });
    driver.network("front");
    return driver;
  };

  it("gets no subnet, and who is in it no address", () => {
    const driver = withLan();
    expect(networkOf(driver, "lan")).not.toHaveProperty("addressing");
    driver.service("alone", { networks: ["lan"] });
    driver.service("both", { networks: ["lan", "front"] });
    const vips = (name: string) => driver.store.view.service(serviceId(name))?.vips?.map(({ networkId: id }) => id);
    expect([vips("alone"), vips("both")]).toEqual([[], ["front"]]);
  });

  it("is removed when no service is in it, like any other", () => {
    const driver = withLan();
    driver.service("alone", { networks: ["lan"] });
    const removed = () => driver.try({ kind: "removeNetwork", id: networkId("lan") });
    expect(removed()).toMatchObject({ code: "in_use", message: expect.stringContaining("by service alone;") });
    driver.do({ kind: "removeService", id: serviceId("alone") });
    expect(removed()).toMatchObject({ ok: true });
    expect(networkOf(driver, "lan")).toBeUndefined();
  });

  it("is no way from another node to a published port", () => {
    const driver = withLan();
    const made = (id: string, networks: readonly string[], mode: "ingress" | "host") => {
      const ports = [{ protocol: "tcp", targetPort: 80, publishedPort: 0, mode }] as const;
      const spec = serviceSpec(id, { networks, ports });
      return driver.try({ kind: "createService", id: serviceId(id), spec });
    };
    expect(made("a", ["lan"], "ingress")).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("in network lan (macvlan) alone: publish ports in mode host"),
    });
    expect(made("b", ["lan"], "host")).toMatchObject({ ok: true });
    expect(made("c", ["lan", "front"], "ingress")).toMatchObject({ ok: true });
  });
});

describe("a node's number", () => {
  it("is the smallest that no other has, and stays when the node comes back", () => {
    const driver = overlay().nodes("n1", "n2", "n3");
    const numbers = () => driver.store.view.nodes().map(({ number }) => number);
    expect(numbers()).toEqual([1, 2, 3]);
    driver.do({ kind: "removeNode", id: nodeId("n2"), force: true });
    driver.nodes("n4", "n5");
    expect(numbers()).toEqual([1, 3, 2, 4]);
    expect(join(driver, "n9", "elsewhere:7373")).toMatchObject({ ok: true });
    driver.do({
      kind: "createNode",
      id: nodeId("n3"),
      keyDigest: "key-n3",
      address: "moved:7373",
      hostname: "n3",
      labels: {},
      availability: "active",
    });
    expect(driver.store.view.node(nodeId("n3"))).toMatchObject({ number: 3, address: "moved:7373" });
  });

  it("gives it a gateway that lies apart from all other addresses", () => {
    const driver = overlay().nodes("n1");
    const addressing = networkOf(driver, "net0")?.addressing;
    expect(addressing && nodeGateway(addressing, 1)).toEqual({ ipv4: "10.64.15.254" });
  });

  it("isn't given to a node whose address lies in a network", () => {
    const driver = overlay();
    expect(join(driver, "n1", "10.64.3.4:7373")).toMatchObject({
      ok: false,
      code: "failed_precondition",
      message: expect.stringContaining("10.64.3.4:7373 lies within 10.64.0.0/20 of network default"),
    });
  });
});

describe("the ingress network", () => {
  const PORT = { protocol: "tcp", targetPort: 80, publishedPort: 8080, mode: "ingress" } as const;
  const onPort = (driver: Driver, name: string) =>
    driver.try({ kind: "createService", id: serviceId(name), spec: serviceSpec(name, { ports: [PORT] }) });
  const remove = (driver: Driver) =>
    driver.try({ kind: "removeNetwork", id: ingressNetwork(driver.store.view)?.id ?? networkId("none") });
  const lacking = { ok: false, message: expect.stringContaining("no ingress network is present") };

  it("is there from the beginning, in no table, and one at most", () => {
    const driver = new Driver().cluster();
    expect(ingressNetwork(driver.store.view)).toMatchObject({ id: FIRST_INGRESS.id, spec: { name: "ingress" } });
    expect(driver.store.view.networks()).toHaveLength(1);
    expect(driver.network("ingress")).toMatchObject({ ok: false, code: "already_exists" });
    expect(driver.network("second", { ingress: true })).toMatchObject({
      ok: false,
      code: "already_exists",
      message: expect.stringContaining(`ingress network (${FIRST_INGRESS.id}) is already present`),
    });
    expect(ingressNetwork(new Driver().store.view)).toBeUndefined();
  });

  it("is held by services that publish ports in mode ingress, until they are removed", () => {
    const driver = new Driver().cluster();
    expect(onPort(driver, "web").ok).toBe(true);
    expect(remove(driver)).toMatchObject({
      ok: false,
      code: "in_use",
      message: expect.stringContaining("ingress network cannot be removed because service web depends on it"),
    });
    driver.do({ kind: "removeService", id: serviceId("web") });
    expect(remove(driver).ok).toBe(true);
  });

  it("is needed to publish ports in mode ingress, and can be made again", () => {
    const driver = overlay().service("plain");
    expect(remove(driver).ok).toBe(true);
    expect(remove(driver)).toMatchObject({ ok: false, code: "not_found" });
    expect(onPort(driver, "web")).toMatchObject(lacking);
    expect(driver.update("plain", { ports: [PORT] })).toMatchObject(lacking);
    expect(driver.update("plain", { ports: [{ ...PORT, publishedPort: 81, mode: "host" }] }).ok).toBe(true);
    expect(driver.network("again", { ingress: true, ...named("10.7.0.0/24") }).ok).toBe(true);
    expect(ingressNetwork(driver.store.view)?.addressing?.ipv4).toMatchObject({ gateway: "10.7.0.1" });
    expect(driver.network("other", named("10.7.0.0/25"))).toMatchObject({ ok: false, code: "in_use" });
    expect(onPort(driver, "web").ok).toBe(true);
    expect(remove(driver)).toMatchObject({ ok: false, code: "in_use" });
  });

  it("takes no services", () => {
    const driver = overlay();
    const inside = (id: string) => {
      const spec = serviceSpec("in", { networks: [id] });
      return driver.try({ kind: "createService", id: serviceId("in"), spec });
    };
    const refused = { ok: false, code: "invalid_argument", message: expect.stringContaining("explicitly attached") };
    expect(inside(FIRST_INGRESS.id)).toMatchObject(refused);
    remove(driver);
    driver.network("again", { ingress: true });
    expect(inside("again")).toMatchObject(refused);
  });
});
