import { ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import { holdsSlot, serviceId, wantsToRun, type Command, type ServiceId, type ServiceSpec } from "@murmur/model";
import type { View } from "@murmur/store";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { ControlLoop } from "./control-loop.ts";
import { ForecastDesk } from "./forecast-desk.ts";
import type { Forecast, ServiceChange } from "./forecast.ts";
import { ClusterStore, serviceSpec } from "./testing/cluster-store.ts";

const GIB = 2 ** 30;

let ids = 0;
const newId = (): string => `task${String((ids += 1)).padStart(6, "0")}`;
const never = new AbortController().signal;

function deskOf(cluster: ClusterStore) {
  const clock = new ManualClock(cluster.now);
  const desk = new ForecastDesk({ store: cluster.store, newId, clock, stopping: never });
  /** Lets the work go on, which makes way for other work now and then. */
  const work = async (change: ServiceChange): Promise<Forecast> => {
    const working = desk.work(change, never);
    let done = false;
    working.then(
      () => (done = true),
      () => (done = true),
    );
    for (let turn = 0; !done && turn < 10_000; turn += 1) await clock.advance(1);
    return working;
  };
  return { clock, desk, work };
}

const creation = (spec: ServiceSpec, now = 2_000): ServiceChange => ({
  kind: "createService",
  id: serviceId("forecast"),
  spec,
  now,
});

function update(cluster: ClusterStore, id: ServiceId, change: (spec: ServiceSpec) => ServiceSpec): ServiceChange {
  const service = cluster.store.view.service(id);
  if (service === undefined) throw new Error("there is such a service");
  return { kind: "updateService", id, version: service.version, spec: change(service.spec), now: cluster.now };
}

const withImage =
  (image: string, more: Partial<ServiceSpec> = {}) =>
  (spec: ServiceSpec): ServiceSpec => ({ ...spec, ...more, task: { ...spec.task, container: { image } } });

/** How many tasks of a service each node has, and how many wait. */
function placesIn(view: View, id: ServiceId): Record<string, number> {
  const places: Record<string, number> = {};
  for (const task of view.tasksOfService(id)) {
    if (!holdsSlot(task)) continue;
    const place = task.status.state === "pending" ? "waits" : (task.nodeId ?? "waits");
    places[place] = (places[place] ?? 0) + 1;
  }
  return places;
}

/** A real leader's loop over the store, with agents that do at once what they are told. */
async function lead(cluster: ClusterStore): Promise<void> {
  const clock = new ManualClock(cluster.now);
  await using scope = new Scope(silentLog, () => {});
  const loop = new ControlLoop({ store: cluster.store, submit: cluster.submit, newId, clock, log: silentLog });
  loop.start(scope);
  for (let turn = 0; turn < 150; turn += 1) {
    await clock.advance(turn % 10 === 9 ? 2_000 : 1);
    cluster.now = clock.now();
    act(cluster);
  }
}

function act(cluster: ClusterStore): void {
  const tasks = Array.from(cluster.store.view.tasks());
  for (const { id, nodeId: node, status, desiredState } of tasks) {
    if (node === undefined || !["assigned", "ready", "running"].includes(status.state)) continue;
    if (!wantsToRun(desiredState)) cluster.report(node, id, "shutdown");
    else if (desiredState === "ready" && status.state === "assigned") cluster.report(node, id, "ready");
    else if (desiredState !== "ready" && status.state !== "running") cluster.report(node, id, "running");
  }
}

describe("a forecast", () => {
  it("says where the tasks of a new service would run, and which would wait; nothing changes", async () => {
    const cluster = new ClusterStore();
    cluster.createService("other", 1, 5 * GIB);
    await lead(cluster);
    const hash = cluster.store.hash();
    const { work } = deskOf(cluster);
    const { view, before, after, settled } = await work(creation(serviceSpec("web", 4, 3 * GIB)));
    expect(before).toBeUndefined();
    expect(after.spec.name).toBe("web");
    expect(settled).toBe(true);
    const { waits, ...places } = placesIn(view, after.id);
    expect(waits).toBe(1);
    expect(Object.values(places).toSorted((a, b) => a - b)).toEqual([1, 2]);
    expect(cluster.store.hash()).toBe(hash);
  });

  it("leads an update to its end, through all of its steps and pauses", async () => {
    const cluster = new ClusterStore();
    const id = cluster.createService("web", 5);
    await lead(cluster);
    const old = cluster.store.view.tasksOfService(id).map((task) => task.id);
    const config = { ...serviceSpec("web", 0).update, delayMs: 60_000 };
    const { work } = deskOf(cluster);
    const { view, tasksBefore, settled } = await work(update(cluster, id, withImage("web:2", { update: config })));
    expect(settled).toBe(true);
    expect(tasksBefore.map((task) => task.id)).toEqual(old);
    const running = view.tasksOfService(id).filter(holdsSlot);
    expect(running.map(({ spec, status }) => [spec.container.image, status.state])).toEqual(
      Array.from({ length: 5 }, () => ["web:2", "running"]),
    );
    expect(view.service(id)?.updateStatus?.state).toBe("completed");
  });

  it("knows that what starts first needs room beside what it replaces", async () => {
    const cluster = new ClusterStore();
    const id = cluster.createService("web", 2, 6 * GIB);
    await lead(cluster);
    const startFirst = { ...serviceSpec("web", 0).update, order: "start-first" as const };
    const { work } = deskOf(cluster);
    const first = await work(update(cluster, id, withImage("web:2", { update: startFirst })));
    expect(placesIn(first.view, id)).toEqual({ n1: 1, n2: 1, waits: 1 });
    const second = await work(update(cluster, id, withImage("web:2")));
    expect(placesIn(second.view, id)).toEqual({ n1: 1, n2: 1 });
  });

  it("gives room that becomes free to those of other services who wait for it", async () => {
    const cluster = new ClusterStore(["n1"]);
    const id = cluster.createService("web", 1, 6 * GIB);
    await lead(cluster);
    const other = cluster.createService("other", 1, 6 * GIB);
    await lead(cluster);
    expect(placesIn(cluster.store.view, other)).toEqual({ waits: 1 });
    const { work } = deskOf(cluster);
    const { view } = await work(
      update(cluster, id, (spec) => ({ ...spec, mode: { kind: "replicated", replicas: 0 } })),
    );
    expect([placesIn(view, id), placesIn(view, other)]).toEqual([{}, { n1: 1 }]);
  });

  it("takes a large service in steps of its own, and lets other work go on", async () => {
    const nodes = Array.from({ length: 20 }, (_, at) => `n${String(at)}`);
    const cluster = new ClusterStore(nodes);
    const { work, clock } = deskOf(cluster);
    const pauses = vi.spyOn(clock, "setTimer");
    const { view, after, settled } = await work(creation(serviceSpec("web", 6_000)));
    expect(settled).toBe(true);
    expect(placesIn(view, after.id)).toEqual(Object.fromEntries(nodes.map((node) => [node, 300])));
    expect(pauses.mock.calls.length).toBeGreaterThan(6);
  });

  it("is refused as the change itself would be, and a third one at the same time is", async () => {
    const cluster = new ClusterStore();
    const id = cluster.createService("web", 1);
    const { work, desk, clock } = deskOf(cluster);
    await expect(work(creation(serviceSpec("web", 1)))).rejects.toMatchObject({ code: "name_conflict" });
    const stale = { ...update(cluster, id, withImage("web:2")), version: 0 } as ServiceChange;
    await expect(work(stale)).rejects.toMatchObject({ code: "out_of_date" });
    const others = [1, 2].map((number) => desk.work(creation(serviceSpec(`web${String(number)}`, 1)), never));
    await expect(desk.work(creation(serviceSpec("web3", 1)), never)).rejects.toMatchObject({ code: "overloaded" });
    await clock.advance(20);
    expect((await Promise.all(others)).map(({ settled }) => settled)).toEqual([true, true]);
    await expect(work(creation(serviceSpec("web3", 1)))).resolves.toMatchObject({ settled: true });
  });

  it("ends with whoever asked for it", async () => {
    const cluster = new ClusterStore();
    const { desk, clock } = deskOf(cluster);
    const controller = new AbortController();
    const asked = desk.work(creation(serviceSpec("web", 5_000)), controller.signal);
    const ended = expect(asked).rejects.toThrow("gone");
    controller.abort(new Error("gone"));
    await clock.advance(5);
    await ended;
  });

  const drawn = fc.record({ replicas: fc.integer({ min: 0, max: 6 }), memory: fc.integer({ min: 0, max: 4 }) });

  it("comes true when nothing else happens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(drawn, { maxLength: 3 }), drawn, drawn, async (others, made, changed) => {
        const nodes: readonly NodeId[] = ["n1", "n2", "n3"].map(nodeId);
        const cluster = new ClusterStore(nodes);
        for (const [at, { replicas, memory }] of others.entries())
          cluster.createService(`other${String(at)}`, replicas, memory * GIB);
        await lead(cluster);
        const { work } = deskOf(cluster);
        const create = creation(serviceSpec("web", made.replicas, made.memory * GIB), cluster.now);
        const foreseen = await work(create);
        cluster.apply(create satisfies Command);
        await lead(cluster);
        expect(placesIn(cluster.store.view, create.id)).toEqual(placesIn(foreseen.view, create.id));
        const spec = serviceSpec("web", changed.replicas, changed.memory * GIB);
        const next = update(cluster, create.id, withImage("web:2", { mode: spec.mode }));
        const then = await work(next);
        cluster.apply(next satisfies Command);
        await lead(cluster);
        expect(placesIn(cluster.store.view, create.id)).toEqual(placesIn(then.view, create.id));
      }),
      { numRuns: 25 },
    );
  });
});
