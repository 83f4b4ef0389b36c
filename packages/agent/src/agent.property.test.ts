import { isTerminal, type TaskId } from "@murmur/model";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { AgentWorld } from "./testing/agent-world.ts";
import { processOf } from "./testing/stub-networks.ts";

/** What may happen to a node. `pick` chooses among the tasks or containers that there are. */
type Happening =
  | { readonly kind: "assign"; readonly ready: boolean; readonly delayMs: number }
  | { readonly kind: "want"; readonly desired: "running" | "shutdown" | "remove"; readonly pick: number }
  | { readonly kind: "drop"; readonly pick: number }
  | { readonly kind: "exit" | "restart" | "destroy" | "unhealthy" | "pause" | "unpause"; readonly pick: number }
  | { readonly kind: "engine"; readonly to: "hang" | "wake" | "shutDown" | "boot" }
  | { readonly kind: "faults"; readonly fault: (typeof FAULTS)[number]; readonly on: boolean }
  | { readonly kind: "manager"; readonly to: "away" | "back" | "hangUp" | "noQuorum" | "quorum" | "skip" }
  | { readonly kind: "agent"; readonly memory: "kept" | "lost" };

const FAULTS = [
  "pullError",
  "createError",
  "startError",
  "exitAtOnce",
  "answersLost",
  "eventsLost",
  "prepareError",
  "attachError",
  "attachHangs",
] as const;

const pick = fc.nat(50);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("assign"), ready: fc.boolean(), delayMs: fc.nat(4_000) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("want"),
      desired: fc.constantFrom("running", "shutdown", "remove"),
      pick,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("drop"), pick }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("exit", "destroy", "unhealthy", "pause", "unpause"),
      pick,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart"), pick }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("engine"), to: fc.constantFrom("hang", "wake", "shutDown", "boot") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("faults"), fault: fc.constantFrom(...FAULTS), on: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("manager"),
      to: fc.constantFrom("away", "back", "hangUp", "noQuorum", "quorum", "skip"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("agent"), memory: fc.constantFrom("kept", "lost") }) },
);
const history = fc.array(fc.tuple(happening, fc.constantFrom(0, 1, 15, 70, 400, 3_000, 20_000)), {
  minLength: 5,
  maxLength: 40,
});

const chosen = <T>(all: readonly T[], number: number): T | undefined => all[number % Math.max(1, all.length)];

async function happen(world: AgentWorld, event: Happening): Promise<void> {
  const { engine, manager, clock } = world;
  switch (event.kind) {
    case "assign": {
      const desiredState = event.ready ? "ready" : "running";
      world.assign({ desiredState, notBefore: clock.now() + event.delayMs });
      return;
    }
    case "want": {
      const task = chosen([...manager.tasks.values()], event.pick);
      const goes = task?.desiredState === "shutdown" || task?.desiredState === "remove";
      if (task !== undefined && !(goes && event.desired !== "remove")) manager.want(task.id, event.desired);
      return;
    }
    case "drop": {
      const task = chosen([...manager.tasks.keys()], event.pick);
      if (task !== undefined) manager.remove(task);
      return;
    }
    case "exit":
      return chosen(engine.containers(), event.pick)?.exit(event.pick % 3);
    case "restart":
      return engine.restart(chosen(live(engine), event.pick)?.id ?? "");
    case "destroy":
      return engine.destroy(chosen(engine.containers(), event.pick)?.id ?? "");
    case "unhealthy":
      return chosen(engine.containers(), event.pick)?.setHealth("unhealthy");
    case "pause":
      return chosen(engine.containers(), event.pick)?.pause();
    case "unpause":
      return chosen(engine.containers(), event.pick)?.unpause();
    case "engine":
      return engine[event.to]();
    case "faults":
      return fault(world, event.fault, event.on);
    case "manager":
      return trouble(world, event.to);
    case "agent":
      await world.agent.stop();
      if (event.memory === "lost") world.disk.clear();
      return world.start();
  }
}

const live = (engine: AgentWorld["engine"]) => engine.containers().filter((container) => container.live);

function fault({ engine, networks }: AgentWorld, name: (typeof FAULTS)[number], on: boolean): void {
  if (name === "prepareError" || name === "attachError" || name === "attachHangs") {
    if (!on) delete networks.faults[name];
    else if (name === "attachHangs") networks.faults.attachHangs = true;
    else networks.faults[name] = `injected ${name}`;
    return;
  }
  const { faults } = engine;
  if (name === "answersLost") faults.answersLost = on ? 0.3 : 0;
  else if (name === "eventsLost") faults.eventsLost = on;
  else if (!on) delete faults[name];
  else if (name === "exitAtOnce") faults.exitAtOnce = 1;
  else faults[name] = `injected ${name}`;
}

function trouble({ manager }: AgentWorld, to: Extract<Happening, { kind: "manager" }>["to"]): void {
  if (to === "away" || to === "back") manager.reachable = to === "back";
  if (to === "noQuorum" || to === "quorum") manager.quorum = to === "quorum";
  if (to === "away" || to === "hangUp") manager.hangUp();
  if (to === "skip") manager.skipVersions();
}

function heal(world: AgentWorld): void {
  const { engine, manager } = world;
  for (const name of FAULTS) fault(world, name, false);
  engine.boot();
  engine.wake();
  for (const container of engine.containers()) container.unpause();
  manager.reachable = true;
  manager.quorum = true;
}

/** By task, the container that was seen to have run for it; what a node has lost its memory of may run again. */
type Runs = Map<TaskId, string>;

/** Never two containers for a task, nor one after the other, and none is ever started twice. */
function checkSafety(world: AgentWorld, runs: Runs): void {
  const seen = new Set<TaskId>();
  for (const { id, request, starts } of world.engine.containers()) {
    const task = request.task.id;
    expect(seen).not.toContain(task);
    seen.add(task);
    expect(starts).toBeLessThanOrEqual(1);
    if (starts === 0) continue;
    expect(runs.get(task) ?? id).toBe(id);
    runs.set(task, id);
  }
  expect(world.errors).toEqual([]);
}

/** What was reported running was attached before, each process once, and none was let go of while it ran. */
function checkNetworks({ engine, networks }: AgentWorld): void {
  expect(networks.violations).toEqual([]);
  expect(engine.addressConflicts).toBe(0);
}

/** What runs is attached and nothing else is, and the engine has the networks of the tasks that have not ended. */
function checkNetworksConverged({ engine, manager, networks }: AgentWorld): void {
  const processes = live(engine).map((container) => [container.request.task.id, processOf(container.show())] as const);
  expect(networks.attached).toEqual(new Map(processes));
  const tasks = [...manager.tasks.values()].filter(({ status }) => !isTerminal(status.state));
  const needed = new Set(tasks.flatMap((task) => task.networks.map(({ networkId }) => `murmur.${networkId}`)));
  expect(
    engine
      .bridges()
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual([...needed].toSorted());
}

/** What the managers have on record is so, and nothing else is there. */
function checkConverged(world: AgentWorld): void {
  for (const container of world.engine.containers()) {
    expect([...world.manager.tasks.keys()]).toContain(container.request.task.id);
  }
  for (const { id, desiredState, status } of world.manager.tasks.values()) {
    const [container] = world.containersOf(id);
    const about = { id, desiredState, state: status.state, error: status.error, container: container?.state };
    if (desiredState === "remove") expect({ ...about, container }).toMatchObject({ container: undefined });
    if (desiredState === "remove" || desiredState === "shutdown")
      expect(isTerminal(status.state), JSON.stringify(about)).toBe(true);
    if (isTerminal(status.state)) expect(container?.live ?? false, JSON.stringify(about)).toBe(false);
    else {
      expect(about).toMatchObject({ state: desiredState });
      expect(about).toMatchObject({ container: desiredState === "ready" ? "created" : "running" });
    }
  }
  expect(world.agent.stats()).toMatchObject({
    tasks: world.manager.tasks.size,
    connected: true,
    engine: { state: "ready" },
    engineCallsRunning: 0,
    engineCallsWaiting: 0,
    reportsPending: 0,
  });
}

const planes = [{ plane: "ports" }, { plane: "overlay" }];
const title = "keeps one container a task through any trouble, and ends as the managers want ($plane)";
it.each(planes)(title, { timeout: 60_000 }, async ({ plane }) => {
  const overlay = plane === "overlay";
  await fc.assert(
    fc.asyncProperty(history, fc.integer(), async (events, seed) => {
      const world = new AgentWorld({
        seed,
        overlay,
        program: ({ task }) => ({
          ...(task.slot % 4 !== 0 && { stopAfterMs: 30 }),
          ...(task.slot % 3 === 0 && { healthyAfterMs: 200 }),
        }),
      });
      await world.start();
      const runs: Runs = new Map();
      for (const [event, pauseMs] of events) {
        if (event.kind === "agent" && event.memory === "lost") runs.clear();
        await happen(world, event);
        await world.pass(pauseMs);
        checkSafety(world, runs);
        if (overlay) checkNetworks(world);
      }
      heal(world);
      await world.pass(120_000);
      checkSafety(world, runs);
      checkConverged(world);
      if (overlay) checkNetworks(world);
      if (overlay) checkNetworksConverged(world);
      await world.agent.stop();
      const programs = world.engine.containers().length * 2;
      expect(world.clock.pending).toBeLessThanOrEqual(programs + 1);
    }),
    {
      numRuns: Number(process.env["AGENT_RUNS"] ?? 200),
      ...(process.env["AGENT_SEED"] && { seed: Number(process.env["AGENT_SEED"]) }),
    },
  );
});
