import type { NodeId } from "@murmur/base";
import type { ServiceId, ServiceSpec, Task } from "@murmur/model";
import { allChecks, World, type Host } from "@murmur/sim";
import { expect, it } from "vitest";
import { changeNode, create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const DEADLINE_MS = 40_000;

/** Four hosts with a service, one of which is to be drained; it doesn't lead. */
class Drain implements AsyncDisposable {
  readonly world: World;
  readonly #checks: ReturnType<typeof allChecks>;
  readonly #service: ServiceId;
  /** The node that is drained. */
  readonly node: NodeId;

  private constructor(world: World, checks: ReturnType<typeof allChecks>, known: { service: ServiceId; node: NodeId }) {
    this.world = world;
    this.#checks = checks;
    this.#service = known.service;
    this.node = known.node;
  }

  static async of(wanted: ServiceSpec, seed: number): Promise<Drain> {
    await World.warmUp();
    const world = new World({ seed });
    const checks = allChecks(world);
    world.observers.push(...checks.observers);
    await settle(world, 4);
    const service = await create(world, leaderOf(world), wanted);
    const tasks = (): readonly Task[] => world.leader?.manager?.view.tasksOfService(service) ?? [];
    const count = wanted.mode.kind === "replicated" ? wanted.mode.replicas : 1;
    await world.until(() => tasks().filter(isUp).length === count, 60_000, 100);
    const others = world.leader?.manager?.view.nodes().filter(({ address }) => !isAt(world.leader, address)) ?? [];
    const node = others.find(({ id }) => tasks().some(({ nodeId }) => nodeId === id))?.id;
    if (node === undefined) throw new Error("four hosts, and a task on each");
    return new Drain(world, checks, { service, node });
  }

  get up(): readonly Task[] {
    return (this.world.leader?.manager?.view.tasksOfService(this.#service) ?? []).filter(isUp);
  }

  get left(): readonly Task[] {
    return this.up.filter(({ nodeId }) => nodeId === this.node);
  }

  /** Those that are to run and don't yet. */
  get coming(): readonly Task[] {
    const tasks = this.world.leader?.manager?.view.tasksOfService(this.#service) ?? [];
    return tasks.filter(({ desiredState, status }) => desiredState === "running" && status.state !== "running");
  }

  async begin(): Promise<void> {
    await changeNode(this.world, leaderOf(this.world), this.node, {
      availability: "drain",
      drain: { deadlineMs: DEADLINE_MS },
    });
  }

  /** The leader is lost, and comes back when there is another. */
  async changeLeader(): Promise<void> {
    const { world } = this;
    const first = leaderOf(world);
    first.crash();
    await world.until(() => world.leader !== undefined && world.leader !== first, 30_000, 50);
    await world.during(first.resume());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#checks.final();
    await end(this.world);
  }
}

const isUp = ({ desiredState, status }: Task): boolean => desiredState === "running" && status.state === "running";

const isAt = (host: Host | undefined, address: string): boolean => address.startsWith(`${host?.address ?? ""}:`);

function leaderOf(world: World): Host {
  if (world.leader === undefined) throw new Error("nobody leads");
  return world.leader;
}

it.each([1, 2, 3])(
  "a drain with a deadline goes on under the next leader, and no task is missed: seed %i",
  async (seed) => {
    const wanted = { ...spec("web", { kind: "replicated", replicas: 8 }), onNodeLoss: { kind: "wait" } } as const;
    await using drain = await Drain.of(wanted, seed);
    const { world } = drain;
    let least = drain.up.length;
    world.observers.push({
      stepped: () => (least = world.leader === undefined ? least : Math.min(least, drain.up.length)),
    });
    await drain.begin();
    // Replacements are made by now, and none of them runs yet.
    await world.until(() => (world.leader?.manager?.view.taskCount ?? 0) > 8, 5_000, 1);
    expect(drain.left.length).toBeGreaterThan(0);
    await drain.changeLeader();
    await world.until(() => drain.left.length === 0, DEADLINE_MS, 100);
    expect(drain.left).toEqual([]);
    await world.pass(10_000);
    expect(drain.up).toHaveLength(8);
    expect(least).toBeGreaterThanOrEqual(8);
  },
);

it.each([1, 2])(
  "a drain relieves one task at a time where updates replace one, under the next leader too: seed %i",
  async (seed) => {
    const wanted = { ...spec("web", { kind: "replicated", replicas: 16 }), onNodeLoss: { kind: "wait" } } as const;
    await using drain = await Drain.of(wanted, seed);
    const { world } = drain;
    let most = 0;
    world.observers.push({ stepped: () => (most = Math.max(most, drain.coming.length)) });
    await drain.begin();
    await world.until(() => drain.coming.length === 1 && drain.left.length === 3, 10_000, 1);
    expect(drain.left).toHaveLength(3);
    await drain.changeLeader();
    await world.until(() => drain.left.length === 0, DEADLINE_MS, 100);
    expect(drain.left).toEqual([]);
    expect(drain.up).toHaveLength(16);
    expect(most).toBe(1);
  },
);

it("what can't be replaced works on until the deadline that the leader before has set, and no longer", async () => {
  const wanted = spec("db", { kind: "replicated", replicas: 4 });
  const { task } = wanted;
  const placement = { ...task.placement, maxReplicasPerNode: 1 };
  await using drain = await Drain.of({ ...wanted, task: { ...task, placement } }, 4);
  const { world } = drain;
  await drain.begin();
  const begun = world.clock.now();
  await world.pass(10_000);
  await drain.changeLeader();
  await world.until(() => drain.up.length === 4 && drain.left.length === 1, 20_000, 100);
  await world.pass(begun + DEADLINE_MS - 2_000 - world.clock.now());
  expect(drain.left).toHaveLength(1);
  await world.pass(10_000);
  expect(drain.left).toEqual([]);
  expect(drain.up).toHaveLength(3);
});
