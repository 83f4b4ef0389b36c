import { nodeId } from "@murmur/base";
import { taskId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, node } from "./fixtures.ts";

const join = (id: string, key: string) =>
  ({
    kind: "createNode",
    id: nodeId(id),
    address: `${id}:7373`,
    keyDigest: key,
    joinSecret: "secret",
    hostname: `host-${id}`,
    labels: { zone: "east" },
    availability: "active",
  }) as const;

describe("joining", () => {
  it("needs a cluster, once", () => {
    expect(new Driver().try(join("n1", "k"))).toMatchObject({ ok: false, code: "not_in_cluster" });
    expect(() => new Driver().cluster().cluster()).toThrow("this is cluster c already");
  });

  it("refuses a secret that was rotated in the meantime", () => {
    const driver = new Driver().cluster();
    driver.do({ kind: "rotateJoinSecret", version: 1, joinSecret: "fresh" });
    expect(driver.try(join("n1", "k"))).toMatchObject({ ok: false, code: "unauthenticated" });
    expect(driver.try({ ...join("n1", "k"), joinSecret: "fresh" }).ok).toBe(true);
  });

  it("knows a secret for each role, rotated on its own, and pins whoever comes with it", () => {
    const driver = new Driver().cluster();
    const as = (id: string, joinSecret: string, pinnedRole?: "worker" | "manager") =>
      driver.try({ ...join(id, id), joinSecret, ...(pinnedRole && { pinnedRole }) });
    // Before they have any, it is the one of the cluster.
    expect(as("n1", "secret", "worker").ok).toBe(true);
    driver.do({ kind: "rotateJoinSecret", version: 1, joinSecret: "for-workers", role: "worker" });
    expect(as("n2", "secret", "worker")).toMatchObject({ ok: false, code: "unauthenticated" });
    expect(as("n2", "for-workers")).toMatchObject({ ok: false, code: "unauthenticated" });
    expect(as("n2", "for-workers", "worker").ok).toBe(true);
    expect(as("n3", "secret", "manager").ok).toBe(true);
    expect(as("n4", "secret").ok).toBe(true);
    const roles = driver.store.view.nodes().map(({ id, spec }) => [id, spec.pinnedRole]);
    expect(Object.fromEntries(roles)).toEqual({ n1: "worker", n2: "worker", n3: "manager", n4: undefined });
    // Whoever comes back is what it was made since.
    const { spec, version } = driver.store.view.node(node("n2")) ?? expect.fail();
    driver.do({ kind: "updateNode", id: node("n2"), version, spec: { ...spec, pinnedRole: "manager" } });
    expect(as("n5", "for-workers", "worker").ok).toBe(true);
    expect(driver.try({ ...join("n2", "n2"), joinSecret: "for-workers", pinnedRole: "worker" }).ok).toBe(true);
    expect(driver.store.view.node(node("n2"))?.spec.pinnedRole).toBe("manager");
  });

  it("gives a key that is known its id back, at its new address", () => {
    const driver = new Driver().cluster();
    driver.do(join("n1", "k"));
    const spec = driver.store.view.node(node("n1"))?.spec;
    const again = driver.try({ ...join("n2", "k"), labels: {}, address: "elsewhere:1" });
    expect(again).toMatchObject({ ok: true, id: "n1" });
    expect(driver.store.view.nodes()).toHaveLength(1);
    expect(driver.store.view.node(node("n1"))).toMatchObject({ address: "elsewhere:1", spec });
  });

  it("is of the family of the others, in an overlay", () => {
    const at = (driver: Driver, id: string, address: string) => driver.try({ ...join(id, id), labels: {}, address });
    const overlay = new Driver().cluster({ dataPlane: "overlay" });
    expect(at(overlay, "n1", "[fd12::1]:7373").ok).toBe(true);
    expect(at(overlay, "n2", "10.0.0.2:7373")).toMatchObject({
      code: "failed_precondition",
      message:
        "10.0.0.2:7373 is an IPv4 address, and the networks of this cluster go over IPv6, as node host-n1 at [fd12::1]:7373: give an IPv6 address with --advertise-addr",
    });
    // The only node may come back as it likes.
    expect(at(overlay, "n1", "10.0.0.1:7373").ok).toBe(true);
    expect(at(overlay, "n2", "10.0.0.2:7373").ok).toBe(true);
    const ports = new Driver().cluster();
    expect(at(ports, "n1", "[fd12::1]:7373").ok).toBe(true);
    expect(at(ports, "n2", "10.0.0.2:7373").ok).toBe(true);
  });

  it("refuses an id with another key, and the address of a node that is up", () => {
    const driver = new Driver().cluster().nodes("n1");
    expect(driver.try(join("n1", "other"))).toMatchObject({ code: "already_exists" });
    driver.nodeIs("n1", "down");
    expect(driver.try({ ...join("n2", "new"), address: "n1:7373" }).ok).toBe(true);
  });
});

describe("finding a node", () => {
  it("goes by id, then by name and host name, then by the start of an id", () => {
    const driver = new Driver().cluster().nodes("abc1", "abc2", "xyz");
    const find = (text: string): string[] => driver.store.view.nodesByNameOrId(text).map(({ id }) => id);
    const version = driver.store.view.node(node("xyz"))?.version ?? 0;
    driver.do({
      kind: "updateNode",
      id: node("xyz"),
      version,
      spec: { name: "host-abc1", labels: {}, availability: "active" },
    });
    expect(find("abc1")).toEqual(["abc1"]);
    expect(find("host-abc1")).toEqual(["abc1", "xyz"]);
    expect(find("host-xyz")).toEqual(["xyz"]);
    expect(find("abc")).toEqual(["abc1", "abc2"]);
    expect(find("")).toEqual([]);
  });
});

describe("removing a node", () => {
  it("wants it down, or force, and orphans its tasks", () => {
    const driver = new Driver().cluster().nodes("n1", "n2").service("web").running("t1", "web", "n1");
    const id = node("n1");
    expect(driver.try({ kind: "removeNode", id, force: false })).toMatchObject({ code: "failed_precondition" });
    driver.do({ kind: "removeNode", id, force: true });
    expect(driver.task("t1")?.status).toMatchObject({ state: "orphaned", message: "the node was removed" });
    expect(driver.store.view.tasksOfNode(id)).toHaveLength(1);
    expect(driver.try({ kind: "removeTask", id: taskId("t1") }).ok).toBe(true);
  });

  it.each([
    ["the only manager", ["n1"], [], false],
    ["one of two", ["n1", "n2"], [], false],
    ["one of three", ["n1", "n2", "n3"], [], true],
    ["one of three, another one down", ["n1", "n2", "n3"], ["n2"], false],
    ["one that is down, of three", ["n1", "n2", "n3"], ["n1"], true],
  ])("keeps a quorum: %s", (_what, voters, down, allowed) => {
    const driver = new Driver().cluster().nodes("n1", "n2", "n3", "n4");
    driver.do({ kind: "setRaftRoles", roles: Object.fromEntries(voters.map((id) => [id, "voter"] as const)) });
    for (const id of down) driver.nodeIs(id, "down");
    const result = driver.try({ kind: "removeNode", id: node("n1"), force: true });
    expect(result.ok).toBe(allowed);
    if (!result.ok) expect(result.message).toContain("demote it first");
  });

  it("never demotes the last node that may manage", () => {
    const driver = new Driver().cluster().nodes("n1");
    const version = driver.store.view.node(node("n1"))?.version ?? 0;
    const spec = { labels: {}, availability: "active", pinnedRole: "worker" } as const;
    const result = driver.try({ kind: "updateNode", id: node("n1"), version, spec });
    expect(result).toMatchObject({ code: "failed_precondition" });
  });
});

describe("raft roles", () => {
  it("change only where they differ", () => {
    const driver = new Driver().cluster().nodes("n1", "n2");
    driver.do({ kind: "setRaftRoles", roles: { n1: "voter", gone: "voter" } });
    const at = driver.index;
    driver.do({ kind: "setRaftRoles", roles: { n1: "voter", n2: "learner" } });
    const [n1, n2] = driver.store.view.nodes();
    expect(n1).toMatchObject({ raftRole: "voter", version: at });
    expect(n2).toMatchObject({ raftRole: "learner", version: driver.index });
    driver.do({ kind: "setRaftRoles", roles: {} });
    expect(driver.store.view.nodes().map(({ raftRole }) => raftRole)).toEqual(["none", "none"]);
  });
});

describe("the engine's state", () => {
  it("is of the moment at which it changed, whatever else happens to the node", () => {
    const driver = new Driver().cluster().nodes("n1");
    const engine = () => driver.store.view.node(node("n1"))?.status.engine;
    const report = (state: "ready" | "down", message: string): void =>
      driver.do({ kind: "describeNode", id: node("n1"), engine: { state, message } });
    report("ready", "");
    const readyAt = driver.index;
    expect(engine()).toEqual({ state: "ready", message: "", at: readyAt });
    driver.memory("n1", 1);
    driver.nodeIs("n1", "down");
    report("ready", "still\nso");
    expect(engine()).toEqual({ state: "ready", message: "still so", at: readyAt });
    report("down", "no socket");
    expect(engine()).toEqual({ state: "down", message: "no socket", at: driver.index });
  });
});
