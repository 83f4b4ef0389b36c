import { NODE_NETWORKS, networkId, serviceId, taskId, type NetworkAddress } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, node } from "./fixtures.ts";

/** A cluster whose default network has six addresses for tasks and services. */
const small = (): Driver =>
  new Driver().cluster({ dataPlane: "overlay", addressPool: { subnet: "10.9.0.0/24", subnetLength: 28 } }).nodes("n1");
const ipsOf = (driver: Driver, id: string): readonly (string | undefined)[] | undefined =>
  driver.task(id)?.addresses?.map(({ ipv4 }) => ipv4);
const assign = (driver: Driver, id: string) => driver.try({ kind: "assignTask", id: taskId(id), nodeId: node("n1") });
const vipsOf = (driver: Driver, name: string) => driver.store.view.service(serviceId(name))?.vips;
const exhausted = {
  ok: false,
  message: expect.stringMatching(
    /^no free address in network default \(10\.9\.0\.0\/28: 6 of 6 in use\); remove services or create a larger network$/,
  ),
};

describe("a task", () => {
  it("has an address in each of its networks from its assignment on, of both families where there are two", () => {
    const driver = small();
    driver.network("front", { ipv6: true, subnets: [{ subnet: "fd00::/64" }] });
    driver.service("web", { endpoint: "dnsrr" });
    const networks = ["front", "net0"].map((name) => ({ networkId: networkId(name), aliases: [] }));
    expect(driver.createTask("t1", "web", { networks }).ok).toBe(true);
    expect(driver.task("t1")).not.toHaveProperty("addresses");
    expect(assign(driver, "t1").ok).toBe(true);
    const [front, back] = driver.task("t1")?.addresses ?? [];
    expect(front).toEqual({ ipv4: expect.stringMatching(/^10\.9\.0\.(1[7-9]|2[0-4])$/), ipv6: expect.any(String) });
    expect(front?.ipv6).toMatch(/^fd00::/);
    expect(back).toEqual({ ipv4: expect.stringMatching(/^10\.9\.0\.[2-7]$/) });
  });

  it("has none in its node's own network, and its service none either, whatever is left of the cluster's", () => {
    const driver = small().service("fills");
    for (const { name, id } of NODE_NETWORKS) {
      driver.service(name, { networks: [id] });
      expect(driver.createTask(`on-${name}`, name, { networks: [] }).ok).toBe(true);
      expect(assign(driver, `on-${name}`).ok).toBe(true);
      expect([ipsOf(driver, `on-${name}`), vipsOf(driver, name)]).toEqual([[], []]);
    }
    expect(driver.update("fills", { networks: [NODE_NETWORKS[0]?.id ?? ""] }).ok).toBe(true);
    expect(vipsOf(driver, "fills")).toEqual([]);
  });

  it("names no network twice", () => {
    const driver = small().service("web");
    const networks = ["net0", "net0"].map((name) => ({ networkId: networkId(name), aliases: [] }));
    expect(driver.createTask("t1", "web", { networks })).toMatchObject({ ok: false, code: "invalid_argument" });
  });

  it("gets none of those that the network keeps from everybody", () => {
    const driver = small();
    const auxiliary = { printer: "10.1.0.2", scanner: "10.1.0.5", beyond: "10.1.0.7" };
    driver.network("front", { subnets: [{ subnet: "10.1.0.0/28", range: "10.1.0.0/29", auxiliary }] });
    driver.service("web", { endpoint: "dnsrr" });
    const networks = [{ networkId: networkId("front"), aliases: [] }];
    const assigned = ["t1", "t2", "t3", "t4"].map((id, at) => {
      driver.createTask(id, "web", { slot: at + 1, networks });
      return assign(driver, id).ok;
    });
    expect(assigned).toEqual([true, true, true, false]);
    const all = ["t1", "t2", "t3"].flatMap((id) => ipsOf(driver, id) ?? []);
    expect(new Set(all)).toEqual(new Set(["10.1.0.3", "10.1.0.4", "10.1.0.6"]));
    expect(assign(driver, "t4")).toMatchObject({ message: expect.stringContaining("10.1.0.0/29: 3 of 3 in use") });
  });

  it("waits when all addresses are in use, until one that has them has ended or gone", () => {
    const driver = small().service("web", { endpoint: "dnsrr" });
    for (const slot of [1, 2, 3, 4, 5, 6, 7, 8]) expect(driver.createTask(`t${slot}`, "web", { slot }).ok).toBe(true);
    for (const slot of [1, 2, 3, 4, 5, 6]) expect(assign(driver, `t${slot}`).ok).toBe(true);
    const all = [1, 2, 3, 4, 5, 6].flatMap((slot) => ipsOf(driver, `t${slot}`) ?? []);
    expect(new Set(all)).toEqual(new Set([2, 3, 4, 5, 6, 7].map((last) => `10.9.0.${last}`)));
    expect(assign(driver, "t7")).toMatchObject(exhausted);
    expect(driver.task("t7")?.status.state).toBe("pending");

    driver.report("n1", "t2", { state: "failed" });
    expect(assign(driver, "t7").ok).toBe(true);
    expect(ipsOf(driver, "t7")).toEqual(ipsOf(driver, "t2"));

    driver.do({ kind: "removeTask", id: driver.task("t2")?.id ?? expect.fail() });
    expect(assign(driver, "t8")).toMatchObject(exhausted);
    const gone = ipsOf(driver, "t3");
    driver.report("n1", "t3", { state: "shutdown" });
    driver.do({ kind: "removeTask", id: driver.task("t3")?.id ?? expect.fail() });
    expect(assign(driver, "t8").ok).toBe(true);
    expect(ipsOf(driver, "t8")).toEqual(gone);
  });

  it("doesn't get again what another had a moment ago", () => {
    const driver = new Driver().cluster({ dataPlane: "overlay" }).nodes("n1").service("web");
    const seen = new Set<string | undefined>();
    for (let at = 0; at < 50; at += 1) {
      driver.createTask(`t${at}`, "web");
      assign(driver, `t${at}`);
      seen.add(ipsOf(driver, `t${at}`)?.[0]);
      driver.report("n1", `t${at}`, { state: "failed" });
    }
    expect(seen.size).toBe(50);
  });
});

describe("a service", () => {
  it("has a virtual address in each of its networks, in the default one when it names none", () => {
    const driver = small();
    driver.network("front");
    driver.service("web", { networks: ["front"] }).service("api", { networks: [] });
    expect(vipsOf(driver, "web")?.map((vip) => vip.networkId)).toEqual(["front"]);
    expect(vipsOf(driver, "api")?.map((vip) => vip.networkId)).toEqual(["net0"]);
    expect(vipsOf(driver.service("dns", { endpoint: "dnsrr" }), "dns")).toBeUndefined();
  });

  it("keeps it over updates, in networks that stay", () => {
    const driver = small();
    driver.network("front");
    driver.service("web", { networks: ["net0"] });
    const before = vipsOf(driver, "web");
    expect(driver.update("web", { image: "other" }).ok).toBe(true);
    expect(vipsOf(driver, "web")).toBe(before);
    expect(driver.update("web", { networks: ["front", "net0"] }).ok).toBe(true);
    expect(vipsOf(driver, "web")?.map((vip) => vip.networkId)).toEqual(["front", "net0"]);
    expect(vipsOf(driver, "web")?.[1]).toEqual(before?.[0]);
    expect(driver.update("web", { networks: ["front"] }).ok).toBe(true);
    expect(driver.update("web", { networks: ["front"], endpoint: "dnsrr" }).ok).toBe(true);
    expect(driver.store.view.service(serviceId("web"))).not.toHaveProperty("vips");
    const { version } = driver.store.view.service(serviceId("web")) ?? expect.fail();
    driver.do({ kind: "rollbackService", id: serviceId("web"), version });
    expect(vipsOf(driver, "web")?.map((vip) => vip.networkId)).toEqual(["front"]);
  });

  it("holds it until its record goes, and is refused when there is none", () => {
    const driver = small();
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) driver.service(name);
    const all = names.flatMap((name): readonly NetworkAddress[] => vipsOf(driver, name) ?? []);
    expect(new Set(all.map(({ ipv4 }) => ipv4)).size).toBe(6);
    const one = () => driver.update("a", { image: "new" });
    expect(one().ok).toBe(true);
    expect(() => driver.service("g")).toThrow("no free address in network default");
    driver.do({ kind: "removeService", id: serviceId("b") });
    expect(() => driver.service("g")).toThrow("no free address in network default");
    const before = vipsOf(driver, "b");
    driver.do({ kind: "finishRemoveService", id: serviceId("b") });
    driver.service("g");
    expect(vipsOf(driver, "g")).toEqual(before);
  });
});
