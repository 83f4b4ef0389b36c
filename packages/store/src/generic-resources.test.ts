import { nodeId } from "@murmur/base";
import { taskId, type GenericOffer } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { ApplyResult } from "./result.ts";
import { createStore } from "./store.ts";
import { Driver } from "./fixtures.ts";

const GPUS = ["gpu-a", "gpu-b", "gpu-c"];

/** A node that offers `gpu`, and tasks of a service that asks for so many of them each. */
function setup(gpu: GenericOffer, each: number, tasks = 4): Driver {
  const driver = new Driver().cluster().nodes("n1").memory("n1", 1_000, { gpu });
  driver.service("web", { generic: { gpu: each }, mode: { kind: "replicated", replicas: tasks } });
  for (let slot = 1; slot <= tasks; slot += 1) driver.createTask(`t${String(slot)}`, "web", { slot });
  return driver;
}

const assign = (driver: Driver, id: string): ApplyResult =>
  driver.try({ kind: "assignTask", id: taskId(id), nodeId: nodeId("n1") });

describe("generic resources", () => {
  it("that are counted are given as long as there are some", () => {
    const driver = setup(5, 2);
    expect([assign(driver, "t1").ok, assign(driver, "t2").ok]).toEqual([true, true]);
    expect(assign(driver, "t3")).toMatchObject({
      code: "failed_precondition",
      message: "node n1 has not enough gpu for task t3",
    });
    expect(driver.task("t1")?.genericNames).toBeUndefined();
    driver.report("n1", "t1", { state: "complete" });
    expect(assign(driver, "t3").ok).toBe(true);
  });

  it("that have names are given each to one task, in the node's order, and again once that has ended", () => {
    const driver = setup(GPUS, 1);
    for (const id of ["t1", "t2", "t3"]) expect(assign(driver, id).ok).toBe(true);
    expect(["t1", "t2", "t3"].map((id) => driver.task(id)?.genericNames)).toEqual(
      GPUS.map((name) => ({ gpu: [name] })),
    );
    expect(assign(driver, "t4").ok).toBe(false);
    driver.report("n1", "t2", { state: "failed" });
    expect(assign(driver, "t4").ok).toBe(true);
    expect(driver.task("t4")?.genericNames).toEqual({ gpu: ["gpu-b"] });
  });

  it("that are asked for by name are those, and no other task's", () => {
    const driver = new Driver().cluster().nodes("n1").memory("n1", 1_000, { gpu: GPUS });
    driver
      .service("any", { generic: { gpu: 1 } })
      .service("one", { generic: { gpu: 1 }, genericNames: { gpu: ["gpu-b"] } });
    driver.createTask("t1", "any");
    for (const slot of [1, 2]) driver.createTask(`t${String(slot + 1)}`, "one", { slot });
    expect(assign(driver, "t2").ok).toBe(true);
    expect(driver.task("t2")?.genericNames).toEqual({ gpu: ["gpu-b", "gpu-a"] });
    expect(assign(driver, "t3")).toMatchObject({ message: "node n1 has not enough gpu for task t3" });
    expect(assign(driver, "t1").ok).toBe(true);
    expect(driver.task("t1")?.genericNames).toEqual({ gpu: ["gpu-c"] });
    driver.report("n1", "t1", { state: "complete" });
    driver.memory("n1", 1_000, { gpu: [...GPUS, "gpu-d"] });
    expect(assign(driver, "t3")).toMatchObject({ message: "node n1 has not enough gpu (gpu-b) for task t3" });
    driver.report("n1", "t2", { state: "complete" });
    expect(assign(driver, "t3").ok).toBe(true);
  });

  it("may be called as what every object has", () => {
    const driver = new Driver().cluster().nodes("n1").memory("n1", 1_000, { gpu: GPUS });
    driver.service("odd", { generic: { constructor: 1 }, genericNames: { gpu: ["gpu-b"] } });
    driver.createTask("t1", "odd");
    expect(assign(driver, "t1")).toMatchObject({ message: "node n1 has not enough constructor for task t1" });
    driver.memory("n1", 1_000, { gpu: GPUS, constructor: 1 });
    expect(assign(driver, "t1").ok).toBe(true);
    expect(driver.task("t1")?.genericNames).toEqual({ gpu: ["gpu-b"] });
  });

  it("that a task has stay its own when the node offers others meanwhile", () => {
    const driver = setup(GPUS, 1);
    assign(driver, "t1");
    driver.memory("n1", 1_000, { gpu: ["gpu-b", "gpu-a"] });
    expect(assign(driver, "t2").ok).toBe(true);
    expect(driver.task("t2")?.genericNames).toEqual({ gpu: ["gpu-b"] });
    expect(assign(driver, "t3").ok).toBe(false);
  });

  it("are not what a node has that says nothing of them", () => {
    const driver = setup(1, 1).memory("n1", 1_000);
    expect(assign(driver, "t1").ok).toBe(false);
  });

  it("are held after a restore as before it", () => {
    const driver = setup(GPUS, 2);
    assign(driver, "t1");
    const copy = createStore();
    const restore = copy.restore();
    for (const chunk of driver.store.snapshot()) restore.push(chunk);
    expect(restore.finish().ok).toBe(true);
    expect(copy.hash()).toBe(driver.store.hash());
    const now = 1;
    const command = { kind: "assignTask", id: taskId("t2"), nodeId: nodeId("n1"), now } as const;
    expect(copy.apply(driver.index + 1, command)).toMatchObject({ ok: false });
  });

  it("are refused where they make no sense", () => {
    const driver = new Driver().cluster().nodes("n1");
    for (const generic of [{ gpu: 0 }, { gpu: -1 }, { gpu: 1.5 }, { "": 1 }, { "a=b": 1 }, { gpu: Number.NaN }]) {
      expect(() => driver.service("web", { generic })).toThrow(/generic|not finite/);
    }
    for (const gpu of [0, -1, ["a", "a"], [""], ["a,b"], ["a b"]]) {
      expect(() => driver.memory("n1", 1, { gpu })).toThrow(/generic/);
    }
  });
});

describe("a strategy", () => {
  it("is for tasks that come: those that run stay", () => {
    const driver = new Driver().cluster().nodes("n1").service("web");
    const before = driver.specVersion("web");
    expect(driver.update("web", { strategy: "binpack" }).ok).toBe(true);
    expect(driver.specVersion("web")).toBe(before);
  });
});
