import { ManualClock, nodeId, Scope, silentLog, type Millis } from "@murmur/base";
import { isAssigned, isTerminal, wantsToRun, type Command, type ServiceId, type ServiceSpec } from "@murmur/model";
import { NodeSet } from "@murmur/scheduler";
import { describe, expect, it } from "vitest";
import { Balancer } from "./balancer.ts";
import { ControlLoop } from "./control-loop.ts";
import { ClusterStore } from "./testing/cluster-store.ts";

const POLICY = { movesAtOnce: 3, calmMs: 10_000, restMs: 60_000 };

/** Two nodes under a leader's loop, whose agents do at once what they are told. */
class Balanced {
  readonly cluster = new ClusterStore();
  readonly clock = new ManualClock();
  readonly #scope = new Scope(silentLog, () => {});
  #ids = 0;
  /** When how many tasks were told to move. */
  readonly moves: { readonly at: Millis; readonly count: number }[] = [];
  /** The fewest tasks of any service that ran at once, since it was last set. */
  least = Infinity;

  constructor() {
    this.tick();
    const submit = (commands: readonly Command[]) => {
      this.tick();
      for (const command of commands)
        if (command.kind === "moveTasks") this.moves.push({ at: this.clock.now(), count: command.tasks.length });
      return this.cluster.submit(commands);
    };
    const newId = (): string => `task${String((this.#ids += 1)).padStart(6, "0")}`;
    const { store } = this.cluster;
    new ControlLoop({ store, submit, newId, clock: this.clock, log: silentLog }).start(this.#scope);
  }

  tick(): void {
    this.cluster.now = this.clock.now();
  }

  setPolicy(rebalance: typeof POLICY | undefined): void {
    const { spec, version } = this.cluster.store.view.cluster() ?? {};
    if (spec === undefined || version === undefined) throw new Error("there is a cluster");
    const { rebalance: _, ...rest } = spec;
    const next = rebalance === undefined ? rest : { ...rest, rebalance };
    this.cluster.apply({ kind: "updateCluster", version, spec: next, now: this.clock.now() });
  }

  change(id: ServiceId, change: Partial<ServiceSpec>): void {
    const { spec, version } = this.cluster.store.view.service(id) ?? {};
    if (spec === undefined || version === undefined) throw new Error("there is the service");
    this.cluster.apply({ kind: "updateService", id, version, spec: { ...spec, ...change }, now: this.clock.now() });
  }

  async run(forMs: Millis, { agents = true } = {}): Promise<void> {
    for (const until = this.clock.now() + forMs; this.clock.now() < until;) {
      await this.clock.advance(500);
      this.tick();
      if (agents) this.#act();
    }
  }

  #act(): void {
    const { store } = this.cluster;
    const tasks = [...store.view.tasks()];
    for (const task of tasks) {
      if (task.nodeId === undefined || !isAssigned(task.status.state) || isTerminal(task.status.state)) continue;
      const state = wantsToRun(task.desiredState) ? "running" : "shutdown";
      if (task.status.state !== state) this.cluster.report(task.nodeId, task.id, state);
    }
    for (const { id } of store.view.services())
      this.least = Math.min(
        this.least,
        this.counts(id).reduce((a, b) => a + b, 0),
      );
  }

  /** Running tasks by node, in the nodes' order. */
  counts(id: ServiceId): readonly number[] {
    const { view } = this.cluster.store;
    const up = view.tasksOfService(id).filter(({ status }) => status.state === "running");
    return view.nodes().map((node) => up.filter((task) => task.nodeId === node.id).length);
  }

  get underway(): number {
    const now = this.clock.now();
    return [...this.cluster.store.view.tasks()].filter(
      ({ move, desiredState }) => move !== undefined && now < move.until && wantsToRun(desiredState),
    ).length;
  }
}

function placedBy({ cluster }: Balanced, id: ServiceId, strategy: "spread" | "binpack"): Partial<ServiceSpec> {
  const { task } = cluster.store.view.service(id)?.spec ?? {};
  if (task === undefined) throw new Error("there is the service");
  return { task: { ...task, placement: { ...task.placement, strategy } } };
}

async function crowded(replicas = 12): Promise<{ world: Balanced; web: ServiceId }> {
  const world = new Balanced();
  const web = world.cluster.createService("web", replicas);
  await world.run(5_000);
  expect(world.counts(web)).toEqual([replicas / 2, replicas / 2]);
  world.cluster.addNode(nodeId("n3"));
  world.least = Infinity;
  return { world, web };
}

describe("the policy of rebalancing", () => {
  it("moves nothing unless it is turned on", async () => {
    const { world, web } = await crowded();
    await world.run(200_000);
    expect(world.counts(web)).toEqual([6, 6, 0]);
  });

  it("moves a few at a time, with a calm pause between, and never has fewer than wanted", async () => {
    const { world, web } = await crowded();
    world.setPolicy(POLICY);
    await world.run(50_000);
    expect(world.moves).toEqual([]);
    await world.run(100_000);
    expect(world.counts(web)).toEqual([4, 4, 4]);
    expect(world.moves.map(({ count }) => count)).toEqual([3, 1]);
    const [first, second] = world.moves;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(POLICY.calmMs);
    expect(world.least).toBe(12);
    await world.run(500_000);
    expect(world.moves).toHaveLength(2);
  });

  it("comes to an end where services that are placed by different strategies chase each other", async () => {
    const world = new Balanced();
    world.cluster.addNode(nodeId("n3"));
    const gibi = 2 ** 30;
    world.cluster.createService("one", 3);
    const two = world.cluster.createService("two", 2, gibi);
    world.cluster.createService("three", 1, 3 * gibi);
    world.change(two, placedBy(world, two, "binpack"));
    world.setPolicy({ movesAtOnce: 2, calmMs: 1_000, restMs: 1_000 });
    await world.run(300_000);
    const { length } = world.moves;
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThanOrEqual(6);
    await world.run(300_000);
    expect(world.moves).toHaveLength(length);
    // A new node is a reason to look at all of them again.
    world.cluster.addNode(nodeId("n4"));
    await world.run(60_000);
    expect(world.moves.length).toBeGreaterThan(length);
    expect(world.moves.length).toBeLessThanOrEqual(length + 6);
  });

  it("leaves a service alone that opts out", async () => {
    const { world, web } = await crowded();
    world.change(web, { rebalance: "off" });
    world.setPolicy(POLICY);
    await world.run(200_000);
    expect(world.counts(web)).toEqual([6, 6, 0]);
  });

  it("waits while a node isn't ready, a task waits or a service is updated", async () => {
    const { world, web } = await crowded();
    world.setPolicy(POLICY);
    const huge = world.cluster.createService("huge", 1, 64 * 2 ** 30);
    await world.run(200_000);
    expect(world.moves).toEqual([]);
    world.cluster.apply({ kind: "removeService", id: huge, now: world.clock.now() });
    const engine = (state: "ready" | "down") =>
      world.cluster.apply({
        kind: "describeNode",
        id: nodeId("n3"),
        engine: { state, message: "" },
        now: world.clock.now(),
      });
    engine("down");
    await world.run(100_000);
    expect(world.moves).toEqual([]);
    engine("ready");
    await world.run(5_000);
    const { task } = world.cluster.store.view.service(web)?.spec ?? {};
    if (task !== undefined) world.change(web, { task: { ...task, forceUpdate: 1 } });
    await world.run(9_000);
    expect(world.moves).toEqual([]);
  });

  it("begins no other move while one is under way", async () => {
    const { world } = await crowded(6);
    world.setPolicy(POLICY);
    await world.run(60_000);
    // From now on no replacement comes up.
    await world.run(20_000, { agents: false });
    expect(world.moves).toHaveLength(1);
    expect(world.underway).toBeGreaterThan(0);
    await world.run(200_000, { agents: false });
    expect(world.moves).toHaveLength(1);
  });

  it("goes on under another leader, which knows nothing but the state", async () => {
    const { world } = await crowded();
    world.setPolicy(POLICY);
    await world.run(50_000);
    const { view } = world.cluster.store;
    const next = new Balancer();
    const now = world.clock.now();
    expect(next.turn(view, NodeSet.of(view), now)).toEqual([]);
    const at = now + 20_000;
    const [command] = next.turn(view, NodeSet.of(view), at);
    if (command !== undefined) world.cluster.apply(command);
    expect(command).toMatchObject({ kind: "moveTasks", now: at });
    // One after that finds the moves under way.
    expect(new Balancer().turn(view, NodeSet.of(view), at + 1_000)).toEqual([]);
  });
});
