import { LIMITS, serviceId, taskId, type DrainGrace } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, node, serviceSpec } from "./fixtures.ts";

const ready = (): Driver => new Driver().cluster().nodes("n1", "n2").service("web");

describe("a slot", () => {
  it("is held by one task", () => {
    const driver = ready().running("t1", "web", "n1");
    const second = driver.createTask("t2", "web");
    expect(second).toMatchObject({ ok: false, code: "failed_precondition" });
    expect(!second.ok && second.message).toBe("slot 1 of service web is held by task t1");
    expect(driver.createTask("t2", "web", { slot: 2 }).ok).toBe(true);
  });

  it.each([
    ["has ended", (driver: Driver) => driver.report("n1", "t1", { state: "failed" })],
    ["is to stop", (driver: Driver) => driver.do({ kind: "setDesiredState", id: taskId("t1"), desired: "shutdown" })],
  ])("is free when its task %s", (_what, end) => {
    const driver = ready().running("t1", "web", "n1");
    end(driver);
    expect(driver.createTask("t2", "web", { desiredState: "ready" }).ok).toBe(true);
  });

  it("lets a newer task in beside an older one, for updates that start first, and no third", () => {
    const driver = ready().running("t1", "web", "n1");
    const old = driver.specVersion("web");
    driver.update("web", { image: "nginx:2", updateOrder: "start-first" });
    expect(driver.createTask("t0", "web", { specVersion: old }).ok).toBe(false);
    expect(driver.createTask("t2", "web").ok).toBe(true);
    expect(driver.createTask("t3", "web").ok).toBe(false);
    expect(driver.store.view.tasksOfSlot(serviceId("web"), 1).map(({ id }) => id)).toEqual(["t1", "t2"]);
  });
});

describe("a slot that updates empty first", () => {
  it("takes in a newer task beside an older one only to be held back", () => {
    const driver = ready().running("t1", "web", "n1");
    driver.update("web", { image: "nginx:2" });
    expect(driver.createTask("t2", "web")).toMatchObject({ code: "failed_precondition" });
    expect(driver.createTask("t2", "web", { desiredState: "ready" }).ok).toBe(true);
    expect(driver.createTask("t3", "web", { desiredState: "ready" }).ok).toBe(false);
  });

  it("does so by its present spec, not by the one before", () => {
    const driver = ready().running("t1", "web", "n1");
    driver.update("web", { image: "nginx:2", updateOrder: "start-first" });
    driver.update("web", { image: "nginx:3" });
    expect(driver.createTask("t2", "web")).toMatchObject({ code: "failed_precondition" });
    expect(driver.createTask("t2", "web", { desiredState: "ready" }).ok).toBe(true);
  });

  it("does so by the settings of the rollback on the way back", () => {
    const driver = ready();
    for (const image of ["nginx", "nginx:2"]) driver.update("web", { image, updateOrder: "start-first" });
    driver.running("t1", "web", "n1");
    const version = driver.store.view.service(serviceId("web"))?.version ?? 0;
    driver.do({ kind: "rollbackService", id: serviceId("web"), version });
    expect(driver.createTask("t2", "web")).toMatchObject({ code: "failed_precondition" });
    expect(driver.createTask("t2", "web", { desiredState: "ready" }).ok).toBe(true);
  });

  it("takes in one that runs once the older one is to stop", () => {
    const driver = ready().running("t1", "web", "n1");
    driver.update("web", { image: "nginx:2" });
    driver.do({ kind: "setDesiredState", id: taskId("t1"), desired: "shutdown" });
    expect(driver.createTask("t2", "web").ok).toBe(true);
  });
});

describe("a slot whose task is on a node that is left slowly", () => {
  const drained = (driver: Driver, drain?: DrainGrace): Driver => {
    const version = driver.store.view.node(node("n1"))?.version ?? 0;
    const spec = { labels: {}, availability: "drain", ...(drain && { drain }) } as const;
    driver.do({ kind: "updateNode", id: node("n1"), version, spec });
    return driver;
  };
  const running = (): Driver => ready().running("t1", "web", "n1");

  it("takes one in to replace it, and no third", () => {
    const driver = drained(running(), { deadlineMs: 60_000 });
    expect(driver.createTask("t2", "web").ok).toBe(true);
    expect(driver.createTask("t3", "web")).toMatchObject({ code: "failed_precondition" });
  });

  it("takes none in after the deadline, without one, or once the node is active again", () => {
    // The driver's time goes on by one with every command.
    expect(drained(running(), { deadlineMs: 1 }).createTask("t2", "web").ok).toBe(false);
    expect(drained(running(), { deadlineMs: 2 }).createTask("t2", "web").ok).toBe(true);
    expect(drained(running()).createTask("t2", "web").ok).toBe(false);
    const driver = drained(running(), { deadlineMs: 60_000 });
    const version = driver.store.view.node(node("n1"))?.version ?? 0;
    driver.do({ kind: "updateNode", id: node("n1"), version, spec: { labels: {}, availability: "active" } });
    expect(driver.createTask("t2", "web").ok).toBe(false);
    driver.update("web", { image: "nginx:2" });
    expect(driver.createTask("t2", "web").ok).toBe(false);
  });

  it("takes none in beside a task that doesn't run", () => {
    const driver = ready();
    driver.createTask("t1", "web");
    driver.do({ kind: "assignTask", id: taskId("t1"), nodeId: node("n1") });
    expect(drained(driver, { deadlineMs: 60_000 }).createTask("t2", "web").ok).toBe(false);
  });
});

describe("a new task", () => {
  it("is refused when its service is gone, being removed, or at another version", () => {
    const driver = ready();
    expect(driver.createTask("t", "nothing")).toMatchObject({ code: "not_found" });
    expect(driver.createTask("t", "web", { specVersion: 1 })).toMatchObject({ code: "out_of_date" });
    driver.do({ kind: "removeService", id: serviceId("web") });
    expect(driver.createTask("t", "web")).toMatchObject({ code: "not_found" });
  });

  it("carries the service's spec or none, and shares the service's object", () => {
    const driver = ready();
    const spec = serviceSpec("web").task;
    expect(driver.createTask("t1", "web", { spec }).ok).toBe(true);
    expect(driver.createTask("t2", "web", { slot: 2 }).ok).toBe(true);
    const own = driver.store.view.service(serviceId("web"))?.spec.task;
    expect(driver.task("t1")?.spec).toBe(own);
    expect(driver.task("t2")?.spec).toBe(own);
    const other = { ...spec, forceUpdate: 1 };
    expect(driver.createTask("t3", "web", { slot: 3, spec: other })).toMatchObject({ code: "invalid_argument" });
  });

  it("of a global service has a node and no slot", () => {
    const driver = ready().service("agent", { mode: { kind: "global" } });
    expect(driver.createTask("t1", "agent", { slot: 1 }).ok).toBe(false);
    expect(driver.createTask("t1", "agent", { slot: 0 }).ok).toBe(false);
    expect(driver.createTask("t1", "agent", { slot: 0, nodeId: node("n1") }).ok).toBe(true);
    expect(driver.createTask("t2", "agent", { slot: 0, nodeId: node("n1") }).ok).toBe(false);
    expect(driver.createTask("t2", "agent", { slot: 0, nodeId: node("n2") }).ok).toBe(true);
    expect(driver.try({ kind: "assignTask", id: taskId("t1"), nodeId: node("n2") }).ok).toBe(false);
    expect(driver.try({ kind: "assignTask", id: taskId("t1"), nodeId: node("n1") }).ok).toBe(true);
  });
});

describe("assigning", () => {
  it("happens once, to a node that is ready and active", () => {
    const driver = ready();
    driver.createTask("t1", "web");
    driver.nodeIs("n1", "down");
    const assign = (on: string) => driver.try({ kind: "assignTask", id: taskId("t1"), nodeId: node(on) });
    expect(assign("n1")).toMatchObject({ code: "failed_precondition" });
    expect(assign("n9")).toMatchObject({ code: "not_found" });
    expect(assign("n2").ok).toBe(true);
    driver.nodeIs("n1", "ready");
    expect(assign("n1")).toMatchObject({ code: "failed_precondition" });
    expect(assign("n2")).toMatchObject({ code: "failed_precondition" });
  });

  it("never gives a node more than it has", () => {
    const driver = new Driver().cluster().nodes("n1").service("web", { memoryBytes: 600 });
    driver.memory("n1", 1_000);
    driver.running("t1", "web", "n1", 1);
    driver.createTask("t2", "web", { slot: 2 });
    const assign = () => driver.try({ kind: "assignTask", id: taskId("t2"), nodeId: node("n1") });
    expect(assign()).toMatchObject({ ok: false, message: "node n1 has not enough memory for task t2" });
    driver.report("n1", "t1", { state: "complete" });
    expect(assign().ok).toBe(true);
  });

  it("counts no task that only waits for the node: two that do would keep each other out", () => {
    const driver = new Driver().cluster().nodes("n1").memory("n1", 1_000);
    for (const name of ["a", "b"]) {
      driver.service(name, { mode: { kind: "global" }, memoryBytes: 600 });
      driver.createTask(`t${name}`, name, { slot: 0, nodeId: node("n1") });
    }
    const assign = (id: string) => driver.try({ kind: "assignTask", id: taskId(id), nodeId: node("n1") });
    expect(assign("tb").ok).toBe(true);
    expect(assign("ta")).toMatchObject({ ok: false, message: "node n1 has not enough memory for task ta" });
    driver.report("n1", "tb", { state: "failed" });
    expect(assign("ta").ok).toBe(true);
  });

  it("explains, while the task waits, in one line", () => {
    const driver = ready();
    driver.createTask("t1", "web", { status: { state: "new", at: 1, message: "" } });
    driver.do({ kind: "explainTask", id: taskId("t1"), message: "waits", error: "no node\nfits" });
    expect(driver.task("t1")?.status).toMatchObject({ state: "pending", error: "no node fits" });
    const { version } = driver.task("t1") ?? {};
    driver.do({ kind: "explainTask", id: taskId("t1"), message: "waits", error: "no node\nfits" });
    expect(driver.task("t1")?.version).toBe(version);
    driver.do({ kind: "assignTask", id: taskId("t1"), nodeId: node("n1") });
    expect(driver.task("t1")?.status.error).toBeUndefined();
    expect(driver.try({ kind: "explainTask", id: taskId("t1"), message: "", error: "" }).ok).toBe(false);
  });
});

describe("states", () => {
  it("desired only becomes more final", () => {
    const driver = ready().running("t1", "web", "n1");
    const set = (desired: "ready" | "shutdown" | "remove") =>
      driver.try({ kind: "setDesiredState", id: taskId("t1"), desired });
    expect(set("shutdown").ok).toBe(true);
    expect(set("shutdown").ok).toBe(true);
    expect(set("ready")).toMatchObject({ code: "failed_precondition" });
    expect(set("remove").ok).toBe(true);
  });

  it("observed only moves forward, by its own node, and stays when it has ended", () => {
    const driver = ready().running("t1", "web", "n1");
    const state = () => driver.task("t1")?.status.state;
    driver.report("n1", "t1", { state: "starting" });
    driver.report("n2", "t1", { state: "failed" });
    driver.report("n1", "gone", { state: "failed" });
    driver.report("n1", "t1", { state: "orphaned" });
    expect(state()).toBe("running");
    driver.report("n1", "t1", { state: "running", health: "healthy" });
    expect(driver.task("t1")?.status.health).toBe("healthy");
    driver.report("n1", "t1", { state: "complete" });
    driver.report("n1", "t1", { state: "failed" });
    expect(state()).toBe("complete");
  });

  it("is reported by known nodes only", () => {
    expect(ready().try({ kind: "reportTasks", nodeId: node("n9"), statuses: [] })).toMatchObject({ code: "not_found" });
  });

  it("orphans the tasks of a node that is not up", () => {
    const driver = ready().running("t1", "web", "n1");
    const orphan = () => driver.try({ kind: "orphanTasks", nodeId: node("n1"), message: "down for a day" });
    expect(orphan()).toMatchObject({ code: "failed_precondition" });
    driver.nodeIs("n1", "down");
    expect(orphan().ok).toBe(true);
    expect(driver.task("t1")?.status).toMatchObject({ state: "orphaned", message: "down for a day" });
  });
});

describe("removing a task", () => {
  it("wants it ended, never assigned, or its node gone", () => {
    const driver = ready().running("t1", "web", "n1");
    const remove = (id: string) => driver.try({ kind: "removeTask", id: taskId(id) });
    expect(remove("t1")).toMatchObject({ code: "failed_precondition" });
    driver.createTask("t2", "web", { slot: 2 });
    expect(remove("t2").ok).toBe(true);
    driver.report("n1", "t1", { state: "failed" });
    expect(remove("t1").ok).toBe(true);
    expect(driver.store.view.taskCount).toBe(0);
  });

  it("made for a node wants nothing as long as that node was not told of it", () => {
    const driver = ready().service("agent", { mode: { kind: "global" } });
    driver.createTask("t1", "agent", { slot: 0, nodeId: node("n1") });
    driver.do({ kind: "setDesiredState", id: taskId("t1"), desired: "shutdown" });
    expect(driver.try({ kind: "removeTask", id: taskId("t1") }).ok).toBe(true);
  });

  it("does not wait for a node that is down, when the task is to be removed", () => {
    const driver = ready().running("t1", "web", "n1");
    const remove = () => driver.try({ kind: "removeTask", id: taskId("t1") });
    const want = (desired: "shutdown" | "remove") => driver.do({ kind: "setDesiredState", id: taskId("t1"), desired });
    driver.nodeIs("n1", "down");
    want("shutdown");
    expect(remove()).toMatchObject({ code: "failed_precondition" });
    want("remove");
    driver.nodeIs("n1", "ready");
    expect(remove()).toMatchObject({ code: "failed_precondition" });
    driver.nodeIs("n1", "down");
    expect(remove().ok).toBe(true);
    driver.nodeIs("n1", "ready");
    driver.report("n1", "t1", { state: "running" });
    expect(driver.task("t1")).toBeUndefined();
  });

  it("takes the slot's restart history with the last one", () => {
    const driver = ready().running("t1", "web", "n1");
    const restarts = Array.from({ length: LIMITS.restarts }, (_, at) => at);
    const history = { serviceId: serviceId("web"), slot: 1, specVersion: 3, count: 999, restarts };
    driver.do({ kind: "recordRestart", history });
    expect(driver.store.view.restartHistory(serviceId("web"), 1)).toEqual(history);
    const tooMany = { ...history, restarts: [...restarts, 999] };
    expect(driver.try({ kind: "recordRestart", history: tooMany })).toMatchObject({ code: "invalid_argument" });
    driver.report("n1", "t1", { state: "failed" });
    driver.do({ kind: "removeTask", id: taskId("t1") });
    expect(driver.store.view.restartHistory(serviceId("web"), 1)).toBeUndefined();
    expect(driver.try({ kind: "recordRestart", history }).ok).toBe(false);
  });
});
