import { describe, expect, it } from "vitest";
import { serviceId } from "@murmur/model";
import { webSpec, World, type Host } from "./world.ts";

const votersOf = (host: Host | undefined): number =>
  host?.process?.member.host.manager()?.status().membership.voters.length ?? 0;

/** Three nodes, three managers, a service of six tasks that all run. */
async function settledWorld(seed: number): Promise<{ world: World; id: string; hosts: readonly [Host, Host, Host] }> {
  const world = await World.of(3, seed);
  const [a, b, c] = world.hosts;
  if (a === undefined || b === undefined || c === undefined) throw new Error("three hosts");
  await world.until("three voters", () => votersOf(world.leader()) === 3);
  const id = await world.createService(a, webSpec("web", 6));
  await world.until("six tasks run", () => world.runningTasks(a, id).length === 6);
  return { world, id, hosts: [a, b, c] };
}

/** Containers of the service that really run on these hosts. */
const containersOf = (hosts: readonly Host[]): number =>
  hosts.reduce((sum, host) => sum + host.engine.containers().filter(({ state }) => state === "running").length, 0);

describe("a cluster of three", () => {
  it("chooses three managers, spreads a service, and tells every node its endpoints", async () => {
    const { world, id, hosts } = await settledWorld(1);
    await using _ = world;
    await world.until("every node knows six endpoints", () =>
      hosts.every((host) => host.process?.plane.table?.services[0]?.endpoints.length === 6),
    );
    expect(new Set(world.runningTasks(hosts[0], id).map(({ nodeId }) => nodeId)).size).toBe(3);
    expect(containersOf(hosts)).toBe(6);
  });

  it("accepts a write within two seconds of its leader's host being cut off", async () => {
    const { world, hosts } = await settledWorld(2);
    await using _ = world;
    const leader = world.leader() ?? hosts[0];
    const others = hosts.filter((host) => host !== leader);
    world.isolate(leader);
    const start = world.clock.monotonic();
    await world.createService(others[0] ?? leader, webSpecOn("next", 81));
    expect(world.clock.monotonic() - start).toBeLessThan(2_000);
    expect(world.leader(others)).toBeDefined();
  });

  it("replaces the tasks of a host that is cut off, and stops the old ones when it is back", async () => {
    const { world, id, hosts } = await settledWorld(3);
    await using _ = world;
    const leader = world.leader() ?? hosts[0];
    const lost = hosts.find((host) => host !== leader) ?? hosts[1];
    const rest = hosts.filter((host) => host !== lost);
    world.isolate(lost);
    await world.until("the others run all six", () => containersOf(rest) === 6, 8_000);
    expect(containersOf([lost])).toBe(2);
    world.rejoin(lost);
    await world.until("six containers in all", () => containersOf(hosts) === 6, 30_000);
    expect(world.runningTasks(leader, id)).toHaveLength(6);
  });

  it("goes on from its disks when every process is killed at once, and adopts the containers", async () => {
    const { world, id, hosts } = await settledWorld(4);
    await using _ = world;
    const before = hosts
      .flatMap((host) => host.engine.containers().map(({ name, starts }) => `${name} ${String(starts)}`))
      .toSorted();
    for (const host of hosts) await world.kill(host);
    for (const host of hosts) await world.during(world.start(host));
    await world.until("a leader", () => world.leader() !== undefined);
    await world.until("six tasks run", () => world.runningTasks(hosts[0], id).length === 6);
    await world.until("some seconds pass", later(world, 5_000));
    expect(
      hosts
        .flatMap((host) => host.engine.containers().map(({ name, starts }) => `${name} ${String(starts)}`))
        .toSorted(),
    ).toEqual(before);
  });

  it("keeps everything acknowledged while leaders are killed one after the other", async () => {
    const { world, hosts } = await settledWorld(5);
    await using _ = world;
    const names: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const leader = world.leader() ?? hosts[0];
      const other = hosts.find((host) => host !== leader) ?? hosts[1];
      await world.kill(leader);
      const name = `round${String(round)}`;
      await world.createService(other, webSpecOn(name, 100 + round));
      names.push(name);
      await world.during(world.start(leader));
      await world.until("a leader", () => world.leader() !== undefined);
    }
    await world.until("all replicas agree", () =>
      hosts.every((host) =>
        names.every((name) => host.process?.member.host.manager()?.view.serviceByName(name) !== undefined),
      ),
    );
  });

  it("replaces a task whose container dies, in its slot", async () => {
    const { world, id, hosts } = await settledWorld(6);
    await using _ = world;
    const before = world.runningTasks(hosts[0], id).map((task) => task.id);

    hosts[1].engine.containers()[0]?.exit(137);
    await world.until("a new task in its slot", () => {
      const running = world.runningTasks(hosts[0], id);
      return running.length === 6 && running.some((task) => !before.includes(task.id));
    });
    const tasks = hosts[0].process?.member.host.manager()?.view.tasksOfService(serviceId(id)) ?? [];
    expect(tasks.filter((task) => task.status.state === "failed")).toHaveLength(1);
    expect(new Set(tasks.filter((task) => task.desiredState === "running").map((task) => task.slot)).size).toBe(6);
  });

  it("moves nothing and calls nobody dead while a process is held up for a second", async () => {
    const { world, id, hosts } = await settledWorld(7);
    await using _ = world;
    const before = world.runningTasks(hosts[0], id).map((task) => task.id);
    for (let round = 0; round < 5; round += 1) {
      world.isolate(hosts[2]);
      await world.until("a second passes", later(world, 1_000));
      world.rejoin(hosts[2]);
      await world.until("a second passes", later(world, 1_000));
    }
    await world.until("a leader", () => world.leader() !== undefined);
    expect(world.runningTasks(world.leader() ?? hosts[0], id).map((task) => task.id)).toEqual(before);
  });

  it("lets a fourth node take the place of a manager that stays away", async () => {
    const { world, hosts } = await settledWorld(8);
    await using _ = world;
    const fourth = await world.addHost();
    const leader = world.leader() ?? hosts[0];
    const lost = hosts.find((host) => host !== leader) ?? hosts[1];
    await world.kill(lost, "host");
    await world.until(
      "the fourth votes",
      () => {
        const voters = leader.process?.member.host.manager()?.status().membership.voters ?? [];
        return (
          voters.includes(fourth.process?.member.identity.nodeId ?? leader.process!.member.identity.nodeId) &&
          voters.length === 3
        );
      },
      60_000,
    );
  });
});

const webSpecOn = (name: string, publishedPort: number): ReturnType<typeof webSpec> => {
  const spec = webSpec(name, 1);
  return {
    ...spec,
    endpoint: { ...spec.endpoint, ports: [{ protocol: "tcp", targetPort: 8080, publishedPort, mode: "ingress" }] },
  };
};

function later(world: World, byMs: number): () => boolean {
  const at = world.clock.monotonic() + byMs;
  return () => world.clock.monotonic() >= at;
}
