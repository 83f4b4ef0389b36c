import { assert } from "@murmur/base";
import {
  DEFAULT_UPDATE,
  isLeaving,
  isTerminal,
  taskId,
  type ServiceId,
  type ServiceSpec,
  type Task,
} from "@murmur/model";
import type { Watch } from "@murmur/store";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { affectedServices } from "./affected-services.ts";
import { QuietSlots } from "./quiet-slots.ts";
import { reconcile } from "./reconcile.ts";
import { NODE_MEMORY, spec, TestWorld, withImage, withMemory, withTask } from "./test-world.ts";

const NODES = 4;

/** What users, nodes and containers do. Numbers pick a node, a service or a task, modulo how many there are. */
type Event =
  | { readonly kind: "node"; readonly node: number; readonly state: "ready" | "down" | "disconnected" }
  | { readonly kind: "engine"; readonly node: number; readonly state: "ready" | "down" }
  | { readonly kind: "availability"; readonly node: number; readonly to: "active" | "pause" | "drain" }
  | { readonly kind: "leave"; readonly node: number; readonly deadlineMs: number }
  | { readonly kind: "move"; readonly task: number; readonly forMs: number }
  | { readonly kind: "label"; readonly node: number; readonly zone: "a" | "b" }
  | { readonly kind: "scale"; readonly replicas: number }
  | { readonly kind: "image"; readonly service: number; readonly image: string }
  | { readonly kind: "rollback"; readonly service: number }
  | { readonly kind: "fail"; readonly task: number }
  | { readonly kind: "run"; readonly steps: number };

const node = fc.integer({ min: 1, max: NODES });
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant("node" as const), node, state: fc.constantFrom("ready", "down", "disconnected") }),
  fc.record({ kind: fc.constant("engine" as const), node, state: fc.constantFrom("ready", "down") }),
  fc.record({ kind: fc.constant("availability" as const), node, to: fc.constantFrom("active", "pause", "drain") }),
  fc.record({ kind: fc.constant("leave" as const), node, deadlineMs: fc.constantFrom(1_000, 10_000, 60_000) }),
  fc.record({ kind: fc.constant("move" as const), task: fc.nat(1_000), forMs: fc.constantFrom(1_000, 10_000, 60_000) }),
  fc.record({ kind: fc.constant("label" as const), node, zone: fc.constantFrom("a", "b") }),
  fc.record({ kind: fc.constant("scale" as const), replicas: fc.integer({ min: 0, max: 7 }) }),
  fc.record({
    kind: fc.constant("image" as const),
    service: fc.nat(2),
    image: fc.constantFrom("v1", "v2", "broken", "missing", "crashes"),
  }),
  fc.record({ kind: fc.constant("rollback" as const), service: fc.nat(2) }),
  fc.record({ kind: fc.constant("fail" as const), task: fc.nat(1_000) }),
  fc.record({ kind: fc.constant("run" as const), steps: fc.integer({ min: 1, max: 120 }) }),
);

const update = fc.record({
  parallelism: fc.nat(2),
  delayMs: fc.constantFrom(0, 3_000),
  failureAction: fc.constantFrom("pause" as const, "continue" as const, "rollback" as const),
  monitorMs: fc.constantFrom(0, 5_000),
  maxFailureRatio: fc.constantFrom(0, 0.5),
  order: fc.constantFrom("stop-first" as const, "start-first" as const),
});

/** Three services, one of each kind that goes on; the first keeps away from nodes of zone b. */
function services(world: TestWorld, config: ServiceSpec["update"]): readonly ServiceId[] {
  const common = { update: config, rollback: { ...DEFAULT_UPDATE, parallelism: 0 } };
  const placement = {
    constraints: [{ key: "node.labels.zone", operator: "!=", value: "b" } as const],
    preferences: [],
    maxReplicasPerNode: 0,
    platforms: [],
  };
  const web = { ...spec({ mode: { kind: "replicated", replicas: 3 } }), ...common };
  // A node has room for two of them, not for three: an update that starts first needs the second.
  const agent = { ...withMemory(spec({ name: "agent", mode: { kind: "global" } }), NODE_MEMORY * 0.4), ...common };
  const job = spec({ name: "job", mode: { kind: "replicated-job", totalCompletions: 3, maxConcurrent: 2 } });
  return [withTask(web, { placement }), agent, withImage(job, "batch")].map((from) => world.createService(from));
}

function happen(world: TestWorld, ids: readonly ServiceId[], what: Event): void {
  switch (what.kind) {
    case "node":
      return world.setNode(what.node, what.state);
    case "engine":
      return world.setEngine(what.node, what.state);
    case "availability":
      return world.updateNode(what.node, { availability: what.to, drain: undefined });
    case "leave":
      return world.updateNode(what.node, { availability: "drain", drain: { deadlineMs: what.deadlineMs } });
    case "label":
      return world.updateNode(what.node, { labels: { zone: what.zone } });
    case "scale":
      return world.scale(idAt(ids, 0), what.replicas);
    case "image": {
      const id = idAt(ids, what.service);
      const image = what.service === 2 ? "batch" : what.image;
      return world.updateService(id, (old) =>
        withTask(withImage(old, image), { forceUpdate: old.task.forceUpdate + 1 }),
      );
    }
    case "rollback": {
      const id = idAt(ids, what.service);
      const { version, previousSpec } = world.service(id);
      if (previousSpec !== undefined) world.apply({ kind: "rollbackService", id, version });
      return;
    }
    case "move": {
      // All from the drawn one on: more than are moved at a time.
      const running = [...world.view.tasks()].filter((task) => task.status.state === "running");
      const tasks = running.slice(what.task % Math.max(1, running.length)).map(({ id }) => id);
      return world.apply({ kind: "moveTasks", tasks, forMs: what.forMs });
    }
    case "fail": {
      const running = [...world.view.tasks()].filter((task) => task.status.state === "running");
      const task = running[what.task % Math.max(1, running.length)];
      if (task !== undefined) world.report(task, { state: "failed", exitCode: 1 });
      return;
    }
    case "run":
      return world.run(what.steps * 500);
  }
}

function idAt(ids: readonly ServiceId[], position: number): ServiceId {
  const id = ids[position];
  assert(id !== undefined, "there is such a service");
  return id;
}

/** Tasks by those that were made beside them, because they are leaving. */
type Pairs = Map<Task["id"], ReadonlySet<Task["id"]>>;

/** Notes which tasks a new one may stand beside. */
function notePairs(world: TestWorld, pairs: Pairs, id: Task["id"]): void {
  const task = world.view.task(id);
  assert(task !== undefined, "it was just made");
  const others = world.tasks(task.serviceId).filter(({ slot }) => slot > 0 && slot === task.slot);
  const left = others.filter(({ nodeId, status, move }) => {
    const node = nodeId === undefined ? undefined : world.view.node(nodeId);
    return status.state === "running" && isLeaving({ ...(move && { move }) }, node, world.now);
  });
  pairs.set(id, new Set(left.map((other) => other.id)));
}

/**
 * Tasks of one slot that are to run. One, but for an update that starts first: then one of each spec; and for one that is
 * leaving: then it works beside what is to replace it.
 */
function checkSlots(world: TestWorld, ids: readonly ServiceId[], pairs: Pairs): void {
  for (const id of ids) {
    const bySlot = new Map<string, Task[]>();
    for (const task of world.tasks(id)) {
      const isStarted = task.desiredState === "running" || task.desiredState === "complete";
      if (!isStarted || isTerminal(task.status.state)) continue;
      const key = `${String(task.slot)} ${task.slot > 0 ? "" : (task.nodeId ?? "")}`;
      bySlot.set(key, [...(bySlot.get(key) ?? []), task]);
    }
    for (const tasks of bySlot.values()) {
      const [first, second] = tasks;
      if (first !== undefined && second !== undefined && pairs.get(second.id)?.has(first.id) === true) {
        expect(tasks).toHaveLength(2);
        continue;
      }
      const versions = new Set(tasks.map(({ specVersion }) => specVersion));
      expect(tasks.length).toBe(versions.size);
      const { order } = world.service(id).spec.update;
      expect(tasks.length).toBeLessThanOrEqual(order === "start-first" ? 2 : 1);
    }
  }
}

/** Everything works again, and the users ask for what can run. */
function heal(world: TestWorld, ids: readonly ServiceId[]): void {
  for (let number = 1; number <= NODES; number += 1) {
    world.setNode(number, "ready");
    world.setEngine(number, "ready");
    world.updateNode(number, { availability: "active", drain: undefined, labels: {} });
  }
  for (const [position, id] of ids.entries()) {
    world.updateService(id, (old) => withImage(old, position === 2 ? "batch" : "healed"));
  }
}

describe("whatever happens", () => {
  it("slots stay single, every command is accepted, and after healing all is as asked for", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 25, size: "max" }), update, (events, config) => {
        const world = new TestWorld({ nodes: NODES });
        const ids = services(world, config);
        const pairs: Pairs = new Map();
        world.onApplied = (command) => {
          if (command.kind === "createTask") notePairs(world, pairs, command.task.id);
          if (command.kind === "createTask" || command.kind === "setDesiredState") checkSlots(world, ids, pairs);
        };
        for (const what of events) happen(world, ids, what);
        heal(world, ids);
        world.run(600_000, 2_000);
        const [web, agent, job] = ids.map((id) => world.service(id));
        assert(web?.spec.mode.kind === "replicated" && agent !== undefined && job !== undefined, "three services");
        expect(world.running(web.id)).toHaveLength(web.spec.mode.replicas);
        expect(new Set(world.running(agent.id).map((task) => task.nodeId)).size).toBe(NODES);
        expect(world.tasks(job.id).filter((task) => task.status.state === "complete")).toHaveLength(3);
        for (const service of [web, agent]) {
          const all = world.running(service.id);
          expect(all.every((task) => task.specVersion === service.specVersion)).toBe(true);
          expect(["completed", "rollback_completed", undefined]).toContain(service.updateStatus?.state);
        }
        expect(world.decide()).toEqual([]);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it("the same view gives the same commands, and so does a copy of it", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 15, size: "max" }), update, (events, config) => {
        const world = new TestWorld({ nodes: NODES });
        const ids = services(world, config);
        for (const what of events) {
          happen(world, ids, what);
          expect(decisions(world, ids)).toEqual(decisions(world, ids));
        }
      }),
      { numRuns: 30 },
    );
  }, 60_000);

  it("looking at what a change affects is as good as looking at everything", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20, size: "max" }), update, (events, config) => {
        const world = new TestWorld({ nodes: NODES });
        const watch = world.store.watch({ limit: 100_000 });
        const quiet = new QuietSlots();
        const ids = services(world, config);
        for (const what of events) {
          if (what.kind === "run") world.now += what.steps * 500;
          else happen(world, ids, what);
          world.stepAgents();
          settleAffected(world, watch, quiet);
          expect(world.decide()).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

function decisions(world: TestWorld, ids: readonly ServiceId[]): unknown {
  let made = 0;
  const newTaskId = (): Task["id"] => taskId(`made${String((made += 1))}`);
  return ids.map((id) => reconcile(world.view, id, { now: world.now, newTaskId }));
}

function idsNamed(name: string): () => Task["id"] {
  let made = 0;
  return () => taskId(`${name}.${String((made += 1))}`);
}

/** The leader's loop: services that changed or whose time has come, until there are none. */
function settleAffected(world: TestWorld, watch: Watch, quiet: QuietSlots): void {
  const wakeAt = world.wakes;
  for (let round = 0; round < 400; round += 1) {
    world.place();
    const events = watch.drain();
    assert(events.kind === "changes", "the feed is long enough");
    const changes = events.batches.flatMap((batch) => batch.changes);
    for (const change of changes) quiet.apply(world.view, change);
    const dirty = new Set(changes.flatMap((change) => affectedServices(world.view, change)));
    for (const [id, at] of wakeAt) if (at <= world.now) dirty.add(id);
    if (dirty.size === 0) return;
    for (const id of [...dirty].toSorted()) {
      const name = world.newId("t");
      const { looks: _, ...expected } = reconcile(world.view, id, { now: world.now, newTaskId: idsNamed(name) });
      const options = { now: world.now, newTaskId: idsNamed(name), quiet };
      const { looks: __, ...result } = reconcile(world.view, id, options);
      // What is remembered makes no difference.
      expect(result).toEqual(expected);
      wakeAt.delete(id);
      if (result.wakeAt !== undefined) wakeAt.set(id, result.wakeAt);
      for (const command of result.commands) world.apply(command);
    }
  }
  throw new Error("does not come to rest");
}
