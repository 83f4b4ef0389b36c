import { ClusterError, ManualClock, nodeId, Scope, silentLog } from "@murmur/base";
import type { Command, ServiceId, Task } from "@murmur/model";
import type { ApplyResult } from "@murmur/store";
import { describe, expect, it } from "vitest";
import { ControlLoop } from "./control-loop.ts";
import { ClusterStore, serviceSpec } from "./testing/cluster-store.ts";

function setup(cluster = new ClusterStore()) {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const scope = new Scope(silentLog, (error) => failures.push(error));
  const batches: number[] = [];
  const world = { submit: (commands: readonly Command[]): Promise<readonly ApplyResult[]> => cluster.submit(commands) };
  let ids = 0;
  const loop = new ControlLoop({
    store: cluster.store,
    submit: (commands) => {
      batches.push(commands.length);
      return world.submit(commands);
    },
    newId: () => `task${String((ids += 1)).padStart(6, "0")}`,
    clock,
    log: silentLog,
  });
  const tasks = (id: ServiceId): readonly Task[] => cluster.store.view.tasksOfService(id);
  const assigned = (id: ServiceId): number => tasks(id).filter(({ status }) => status.state === "assigned").length;
  /** Lets the loop do what it has to do now. */
  const settle = async (): Promise<void> => {
    for (let count = 0; count < 40; count += 1) await clock.advance(1);
  };
  return { clock, scope, cluster, batches, world, loop, tasks, assigned, settle, failures };
}

describe("the leader's loop", () => {
  it("makes tasks for a service, and places them", async () => {
    const { cluster, loop, scope, tasks, settle } = setup();
    const before = cluster.createService("before", 3);
    loop.start(scope);
    await settle();
    const after = cluster.createService("after", 5);
    await settle();
    for (const [id, count] of [
      [before, 3],
      [after, 5],
    ] as const) {
      expect(tasks(id)).toHaveLength(count);
      expect(new Set(tasks(id).map(({ nodeId: node }) => node)).size).toBe(2);
    }
  });

  it("replaces a task that has failed when its restart is due, without being told", async () => {
    const { cluster, loop, scope, tasks, settle, clock } = setup();
    loop.start(scope);
    const id = cluster.createService("web", 1);
    await settle();
    const [task] = tasks(id);
    cluster.now = clock.now();
    if (task?.nodeId !== undefined) cluster.report(task.nodeId, task.id, "failed");
    await clock.advance(20_000);
    expect(tasks(id).filter(({ status }) => status.state !== "failed")).toHaveLength(1);
  });

  it("says why a task can't be placed, and places it as soon as there is room", async () => {
    const { cluster, loop, scope, tasks, assigned, settle, batches } = setup();
    loop.start(scope);
    const id = cluster.createService("big", 3, 6 * 2 ** 30);
    await settle();
    expect(assigned(id)).toBe(2);
    expect(tasks(id).find(({ status }) => status.state === "pending")?.status.error).toMatch(/insufficient/);
    const rounds = batches.length;
    await settle();
    expect(batches).toHaveLength(rounds);
    cluster.addNode(nodeId("n3"));
    await settle();
    expect(assigned(id)).toBe(3);
  });

  it("says that a network has no address left, and places a task the moment that one is free again", async () => {
    // Six addresses, of which each service has a virtual one.
    const addressPool = { subnet: "10.9.0.0/24", subnetLength: 28 };
    const small = new ClusterStore(["n1", "n2"], { dataPlane: "overlay", addressPool });
    const { cluster, loop, scope, tasks, assigned, settle, batches } = setup(small);
    loop.start(scope);
    const other = cluster.createService("other", 0);
    const id = cluster.createService("web", 1_000);
    for (let count = 0; count < 10; count += 1) await settle();
    expect([assigned(id), tasks(id).length]).toEqual([4, 1_000]);
    const why = new Set(tasks(id).flatMap(({ status: { error } }) => error ?? []));
    expect([...why]).toEqual([
      "no free address in network default (10.9.0.0/28: 6 of 6 in use); remove services or create a larger network",
    ]);
    const rounds = batches.length;
    await settle();
    expect(batches).toHaveLength(rounds);
    const [running] = tasks(id).filter(({ status }) => status.state === "assigned");
    if (running?.nodeId !== undefined) cluster.report(running.nodeId, running.id, "shutdown");
    await settle();
    expect(assigned(id)).toBe(4);
    cluster.apply({ kind: "removeService", id: other, now: cluster.now });
    await settle();
    expect(cluster.store.view.service(other)).toBeUndefined();
    expect(assigned(id)).toBe(5);
  });

  it("lets many tasks that fit nowhere not keep others from their places", async () => {
    const { cluster, loop, scope, assigned, settle } = setup();
    const huge = cluster.createService("a-huge", 600, 64 * 2 ** 30);
    loop.start(scope);
    for (let count = 0; count < 4; count += 1) await settle();
    const small = cluster.createService("small", 20);
    for (let count = 0; count < 4; count += 1) await settle();
    expect(assigned(huge)).toBe(0);
    expect(assigned(small)).toBe(20);
  });

  it("commits large work in entries of bounded size", async () => {
    const { cluster, loop, scope, assigned, settle, batches } = setup();
    loop.start(scope);
    const id = cluster.createService("web", 1_500);
    for (let count = 0; count < 10; count += 1) await settle();
    expect(assigned(id)).toBe(1_500);
    expect(Math.max(...batches)).toBeLessThanOrEqual(500);
    expect(batches.length).toBeLessThan(40);
  });

  it("tries again after entries that were not committed, and makes smaller ones when they were too large", async () => {
    const { cluster, loop, scope, assigned, clock, world, failures } = setup();
    const { submit } = world;
    world.submit = () => Promise.reject(new ClusterError("no_leader", "none"));
    loop.start(scope);
    const id = cluster.createService("web", 40);
    await clock.advance(1_000);
    expect(assigned(id)).toBe(0);
    world.submit = (commands) =>
      commands.length > 7 ? Promise.reject(new ClusterError("invalid_argument", "too large")) : submit(commands);
    await clock.advance(10_000);
    expect(assigned(id)).toBe(40);
    expect(failures).toEqual([]);
  });

  it("does not spin when everything it wants is refused", async () => {
    const { cluster, loop, scope, batches, clock, world } = setup();
    world.submit = (commands) =>
      Promise.resolve(commands.map(() => ({ ok: false, code: "failed_precondition", message: "no" }) as const));
    loop.start(scope);
    cluster.createService("web", 4);
    await clock.advance(2_000);
    expect(batches.length).toBeLessThan(30);
  });

  it("takes tasks away from a node that is down, and gives the slots to others", async () => {
    const { cluster, loop, scope, tasks, settle } = setup();
    loop.start(scope);
    const id = cluster.createService("web", 4);
    await settle();
    cluster.apply({ kind: "setNodeState", id: nodeId("n1"), state: "down", message: "", now: cluster.now });
    await settle();
    const wanted = tasks(id).filter(({ desiredState }) => desiredState === "running");
    expect(wanted.map(({ nodeId: node }) => node)).toEqual(Array.from({ length: 4 }, () => nodeId("n2")));
  });

  it("follows a changed spec, and ends with its scope", async () => {
    const { cluster, loop, scope, tasks, settle, clock, batches } = setup();
    loop.start(scope);
    const id = cluster.createService("web", 6);
    await settle();
    const version = cluster.store.view.service(id)?.version ?? 0;
    cluster.apply({ kind: "updateService", id, version, spec: serviceSpec("web", 2), now: cluster.now });
    await settle();
    expect(tasks(id).filter(({ desiredState }) => desiredState === "running")).toHaveLength(2);
    await scope[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
    const rounds = batches.length;
    cluster.createService("late", 1);
    await settle();
    expect(batches).toHaveLength(rounds);
  });
});
