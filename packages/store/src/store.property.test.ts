import * as fc from "fast-check";
import {
  DESIRED_STATES,
  holdsSlot,
  isDesiredLater,
  isLater,
  isTerminal,
  portsOverlap,
  TASK_STATES,
  type Command,
  type Task,
} from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, hostPort, ingress, newTask, serviceSpec } from "./fixtures.ts";
import { createStore, type Store } from "./store.ts";
import { slotOf, type View } from "./view.ts";

const id = (prefix: string) => fc.integer({ min: 1, max: 4 }).map((number) => `${prefix}${number}`);
const version = (view: View, of: { readonly version: number } | undefined, near: number): number =>
  near === 0 ? (of?.version ?? view.version) : near;

const spec = fc
  .record({
    name: id("web"),
    image: fc.constantFrom("a", "b"),
    ports: fc.array(
      fc.oneof(
        fc.constantFrom(0, 80, 81).map((port) => ingress(80, port)),
        fc.constantFrom(0, 80).map((port) => hostPort(81, port)),
        fc.constantFrom("10.0.0.1", "10.0.0.2", "0.0.0.0", "::1").map((hostIp) => ({ ...ingress(80, 80), hostIp })),
      ),
      { maxLength: 3 },
    ),
    mode: fc.constantFrom({ kind: "replicated", replicas: 2 } as const, { kind: "global" } as const),
  })
  .map(({ name, ...rest }) => serviceSpec(name, rest));

const status = fc.record({
  state: fc.constantFrom(...TASK_STATES),
  at: fc.integer({ min: 0, max: 9 }),
  message: fc.string({ unit: "binary", maxLength: 5 }),
});

/** One step: a command made from what is there, so that many are accepted, and many are not. */
type Step = (view: View, now: number) => unknown;
const step = <T>(arbitrary: fc.Arbitrary<T>, make: (value: T, view: View) => object): fc.Arbitrary<Step> =>
  arbitrary.map((value) => (view, now) => ({ now, ...make(value, view) }));

const service = id("s");
/** Mostly the version that is there, else a wrong one. */
const near = fc.constantFrom(0, 0, 0, 1);
const createService = step(fc.tuple(service, spec), ([id, spec]) => ({ kind: "createService", id, spec }));
const steps: fc.Arbitrary<Step> = fc.oneof(
  createService,
  createService,
  createService,
  step(fc.tuple(service, spec, near), ([id, spec, at], view) => {
    const current = view.services().find((other) => other.id === id);
    const same = current === undefined ? spec : { ...spec, name: current.spec.name, mode: current.spec.mode };
    return { kind: "updateService", id, spec: same, version: version(view, current, at) };
  }),
  step(fc.tuple(service, near), ([id, at], view) => {
    const current = view.services().find((other) => other.id === id);
    return { kind: "rollbackService", id, version: version(view, current, at) };
  }),
  step(fc.tuple(service, near), ([id, at], view) => {
    const current = view.services().find((other) => other.id === id);
    const specVersion = at === 0 ? (current?.specVersion ?? 0) : at;
    return { kind: "setUpdateStatus", id, specVersion, status: { state: "paused", startedAt: at, message: "" } };
  }),
  step(service, (id) => ({ kind: "removeService", id })),
  step(service, (id) => ({ kind: "finishRemoveService", id })),
  step(fc.tuple(id("n"), id("k"), id("a")), ([id, keyDigest, address]) => {
    return { kind: "createNode", id, keyDigest, address, hostname: id, labels: {}, availability: "active" };
  }),
  step(fc.tuple(id("n"), fc.constantFrom("ready", "ready", "down")), ([id, state]) => {
    return { kind: "setNodeState", id, state, message: "" };
  }),
  step(fc.tuple(id("n"), fc.constantFrom("ready", "down"), fc.constantFrom("", "why")), ([id, state, message]) => {
    return { kind: "describeNode", id, engine: { state, message } };
  }),
  step(fc.dictionary(id("n"), fc.constantFrom("voter", "learner")), (roles) => ({ kind: "setRaftRoles", roles })),
  step(fc.tuple(id("n"), fc.boolean()), ([id, force]) => ({ kind: "removeNode", id, force })),
  step(id("n"), (nodeId) => ({ kind: "orphanTasks", nodeId, message: "" })),
  ...Array.from({ length: 4 }, () =>
    step(
      fc.tuple(fc.integer({ min: 1, max: 40 }), service, fc.integer({ min: 1, max: 2 }), id("n"), near),
      (drawn, view) => {
        const [number, id, slot, nodeId, at] = drawn;
        const current = view.services().find((other) => other.id === id);
        const own = { specVersion: current?.specVersion ?? at, serviceName: "web" };
        const where = current?.spec.mode.kind === "global" ? { slot: 0, nodeId } : { slot };
        return { kind: "createTask", task: { ...newTask(`t${number}`, id, own), ...where } };
      },
    ),
  ),
  step(fc.tuple(fc.nat(40), id("n")), ([number, nodeId]) => ({ kind: "assignTask", id: `t${number}`, nodeId })),
  step(fc.tuple(fc.nat(40), id("n")), ([pick, nodeId], view) => {
    const task = [...view.tasks()][pick];
    return { kind: "assignTask", id: task?.id ?? "t1", nodeId: task?.nodeId ?? nodeId };
  }),
  step(fc.tuple(fc.nat(40), fc.constantFrom(...DESIRED_STATES)), ([pick, desired], view) => {
    return { kind: "setDesiredState", id: [...view.tasks()][pick]?.id ?? "t1", desired };
  }),
  step(fc.nat(40), (pick, view) => ({ kind: "removeTask", id: [...view.tasks()][pick]?.id ?? "t1" })),
  step(fc.tuple(id("n"), fc.array(fc.tuple(fc.nat(40), status), { maxLength: 4 })), ([nodeId, drawn], view) => {
    const tasks = [...view.tasks()];
    return {
      kind: "reportTasks",
      nodeId,
      statuses: drawn.map(([pick, status]) => ({ id: tasks[pick]?.id ?? "t1", status })),
    };
  }),
  step(fc.tuple(service, fc.integer({ min: 1, max: 2 })), ([serviceId, slot]) => {
    return { kind: "recordRestart", history: { serviceId, slot, specVersion: 1, count: 2, restarts: [1, 2] } };
  }),
);

const KINDS = ["createService", "updateNode", "createTask", "reportTasks", "setRaftRoles", "createCluster", "toString"];
const nonsense: fc.Arbitrary<Step> = fc
  .oneof(
    fc.anything(),
    fc.record({
      kind: fc.constantFrom(...KINDS),
      now: fc.anything(),
      id: fc.anything(),
      spec: fc.anything(),
      task: fc.anything(),
    }),
  )
  .map((value) => () => value);

function started(): Driver {
  return new Driver().cluster().nodes("n1", "n2");
}

function expectInvariants(view: View): void {
  const present = view.services().filter(({ removing }) => removing !== true);
  const names = present.map(({ spec }) => spec.name);
  expect(new Set(names).size).toBe(names.length);
  for (const { id, spec } of present) expect(view.serviceByName(spec.name)?.id).toBe(id);
  expectPortsUnique(view);
  const tasks = [...view.tasks()];
  expect(view.taskCount).toBe(tasks.length);
  for (const { id } of view.services()) {
    expect(view.tasksOfService(id)).toEqual(tasks.filter((task) => task.serviceId === id));
  }
  for (const id of new Set(tasks.flatMap((task) => task.nodeId ?? []))) {
    expect(new Set(view.tasksOfNode(id))).toEqual(new Set(tasks.filter((task) => task.nodeId === id)));
  }
  for (const task of tasks) {
    expect(view.service(task.serviceId)).toBeDefined();
    const slot = slotOf(task) ?? 0;
    const mates = view.tasksOfSlot(task.serviceId, slot);
    expect(mates).toEqual(tasks.filter((mate) => mate.serviceId === task.serviceId && slotOf(mate) === slot));
    const holders = mates.filter(holdsSlot);
    expect(holders.length).toBeLessThanOrEqual(2);
    if (holders.length === 2) expect(holders[0]?.specVersion).not.toBe(holders[1]?.specVersion);
  }
}

function expectPortsUnique(view: View): void {
  const present = view.services().filter(({ removing }) => removing !== true);
  const held = present.flatMap(({ ports }) => ports).filter(({ mode }) => mode === "ingress");
  for (const [at, port] of held.entries()) {
    expect(port.publishedPort).toBeGreaterThan(0);
    expect(held.findIndex((other) => portsOverlap(other, port))).toBe(at);
  }
}

function expectForward(previous: Task, current: Task): void {
  const { state } = current.status;
  expect(state === previous.status.state || isLater(state, previous.status.state)).toBe(true);
  if (isTerminal(previous.status.state)) expect(current.status).toEqual(previous.status);
  expect(isDesiredLater(previous.desiredState, current.desiredState)).toBe(false);
  if (previous.nodeId !== undefined) expect(current.nodeId).toBe(previous.nodeId);
  expect([current.spec, current.serviceId, current.slot]).toEqual([previous.spec, previous.serviceId, previous.slot]);
}

function copyOf(store: Store): Store {
  const copy = createStore();
  const restore = copy.restore();
  for (const chunk of store.snapshot()) expect(restore.push(chunk)).toEqual({ ok: true });
  expect(restore.finish()).toEqual({ ok: true, version: store.view.version });
  return copy;
}

/** What a decider may read of a state, in order. */
const contents = ({ view }: Store): unknown => [
  view.version,
  view.cluster(),
  view.nodes(),
  view.networks(),
  view.services(),
  [...view.tasks()],
];

describe("apply", () => {
  it("keeps every invariant, whatever it is given", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 20, arbitrary: steps }, nonsense), { maxLength: 80, size: "max" }),
        (run) => {
          const { store, index } = started();
          const watch = store.watch({ limit: 1_000 });
          run.forEach((make, at) => {
            const before = store.hash();
            const result = store.apply(index + 1 + at, make(store.view, index + at) as Command);
            const events = watch.drain();
            if (!result.ok) {
              expect(result.message).toMatch(/^[^\n]+$/);
              expect(store.hash()).toBe(before);
            }
            for (const { changes } of events.kind === "changes" ? events.batches : []) {
              for (const { table, previous, current } of changes) {
                if (table === "tasks" && previous && current) expectForward(previous, current);
              }
            }
          });
          expectInvariants(store.view);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("gives the same state on a replica that began from a snapshot in the middle", () => {
    fc.assert(
      fc.property(
        fc.array(steps, { maxLength: 60, size: "max" }),
        fc.array(steps, { maxLength: 30, size: "max" }),
        (first, second) => {
          const { store, index } = started();
          first.forEach((make, at) => store.apply(index + 1 + at, make(store.view, at) as Command));
          const copy = copyOf(store);
          expect(contents(copy)).toEqual(contents(store));
          second.forEach((make, at) => {
            const command = make(store.view, at) as Command;
            const place = index + 1 + first.length + at;
            expect(copy.apply(place, command)).toEqual(store.apply(place, command));
          });
          expect(copy.hash()).toBe(store.hash());
          expect(contents(copy)).toEqual(contents(store));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("accepts enough of these runs to mean something", () => {
    let accepted = 0;
    let all = 0;
    const kinds = new Set<string>();
    for (const run of fc.sample(fc.array(steps, { minLength: 60, maxLength: 60 }), { numRuns: 50, seed: 1 })) {
      const { store, index } = started();
      run.forEach((make, at) => {
        const command = make(store.view, at) as Command;
        const result = store.apply(index + 1 + at, command);
        all += 1;
        if (result.ok) accepted += 1;
        if (result.ok) kinds.add(command.kind);
      });
    }
    expect(accepted / all).toBeGreaterThan(0.2);
    expect(kinds.size).toBeGreaterThanOrEqual(14);
  });
});
