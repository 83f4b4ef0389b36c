import { ClusterError, codeOf } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { ClusterNode } from "@murmur/model";
import { containersOn, isWhole, runningTasks } from "./checks.ts";
import { webSpec } from "./services.ts";
import { hostOf, seeds, settledWorld } from "./settled-world.ts";
import { World } from "./world.ts";

describe.each(seeds(4))("membership, seed %i", (seed) => {
  it("grows from one node to three and shrinks again, with as many managers as it needs, and loses nothing", async () => {
    await using world = await World.of(1, seed);
    const first = hostOf(world.hosts[0]);
    await world.createService(first, webSpec("web", 3));
    const second = await world.addHost();
    await world.until("whole with two", () => isWhole(world));
    expect(world.voters).toBe(1);
    const third = await world.addHost();
    await world.until("three voters", () => world.voters === 3);
    await world.leave(first);
    await world.until("whole without the first", () => isWhole(world) && world.voters === 1);
    expect(world.manager(world.leader())?.view.nodes()).toHaveLength(2);
    const last = hostOf(world.leader());
    await world.leave(last === second ? third : second);
    await world.until("whole with one", () => isWhole(world));
    expect(containersOn([last])).toBe(3);
    await world.createService(last, webSpec("more", 1));
  });

  it("lets the only manager of two nodes leave, after the other one has taken over", async () => {
    await using settled = await settledWorld(seed, { size: 2 });
    const { world, leader, others } = settled;
    await world.leave(leader);
    await world.until("the other one leads, and runs all", () => isWhole(world));
    expect(world.leader()).toBe(others[0]);
    expect(containersOn([leader])).toBe(0);
  });

  it("keeps its managers, in the role that they had, when one is called back while it leaves", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader } = settled;
    const id = world.nodeId(leader);
    const record = (): ClusterNode | undefined => world.manager(leader)?.view.node(id);
    const calledOff = new AbortController();
    const leaving = world.leave(leader, false, calledOff.signal).catch((error: unknown) => codeOf(error));
    await world.until("it is asked to be a worker", () => record()?.spec.pinnedRole === "worker");
    calledOff.abort(new ClusterError("cancelled", "the one who asked is gone"));
    expect(await world.during(leaving)).toBe("cancelled");
    await world.until("it may be a manager again", () => record()?.spec.pinnedRole === undefined);
    await world.until("whole", () => isWhole(world) && world.voters === 3);
    expect(world.manager(world.leader())?.view.nodes()).toHaveLength(3);
  });

  it("does not let the last node go by accident", async () => {
    await using world = await World.of(1, seed);
    const only = hostOf(world.hosts[0]);
    const refusal = await world.leave(only).catch((error: unknown) => error);
    expect(codeOf(refusal)).toBe("failed_precondition");
    await world.createService(only, webSpec("web", 1));
    await world.leave(only, true);
    expect(containersOn([only])).toBe(0);
  });

  it("takes a node that has left in again as a new one", async () => {
    await using settled = await settledWorld(seed);
    const { world, others } = settled;
    const leaver = hostOf(others[0]);
    const before = world.nodeId(leaver);
    await world.leave(leaver);
    await world.until("whole with two", () => isWhole(world));
    await world.rejoinCluster(leaver);
    await world.until("three voters", () => world.voters === 3);
    expect(world.nodeId(leaver)).not.toBe(before);
    await world.until("whole", () => isWhole(world));
  });

  it("demotes the leader, which goes on as a worker and can be promoted again", async () => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world, leader, service } = settled;
    const id = world.nodeId(leader);
    await world.updateNode(leader, id, { pinnedRole: "worker" });
    await world.until("it is no manager", () => world.manager(leader) === undefined, 10_000);
    await world.until("three voters without it", () => world.voters === 3, 20_000);
    await world.until("it has closed its manager", () => leader.process?.member.host.manager() === undefined, 30_000);
    await world.until("whole", () => isWhole(world));
    // It still hears what it has to do, from another manager.
    const boss = hostOf(world.leader());
    const before = runningTasks(world, boss, service).length;
    await world.updateService(boss, service, webSpec("web", before + 8, { publishedPort: 80 }));
    await world.until("the new tasks run", () => isWhole(world));
    expect(containersOn([leader])).toBeGreaterThan(2);
    await world.updateNode(boss, id, { pinnedRole: "manager" });
    await world.until("it is a manager again", () => world.manager(leader) !== undefined, 20_000);
    await world.until("whole", () => isWhole(world));
  });

  it("leaves requests to others once it is told that it was taken out, though its own log never hears of it", async () => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world, leader } = settled;
    const away = hostOf(world.hosts.find((host) => host !== leader && world.manager(host) !== undefined));
    const cluster = () => away.process?.member.cluster();
    expect(cluster()).toBeDefined();
    world.network.cut(leader.address, away.address);
    world.network.cut(away.address, leader.address);
    await world.updateNode(leader, world.nodeId(away), { pinnedRole: "worker" });
    await world.until("it passes requests on", () => cluster() === undefined, 20_000);
    // It looks for some seconds more, and asks, before it closes what can't be had again.
    expect(away.process?.member.host.manager()).toBeDefined();
    await world.until("it has closed its manager", () => away.process?.member.host.manager() === undefined, 30_000);
  });

  it("gives the vote of a manager that stays away to the fourth node, and lets it be removed for good", async () => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world, hosts } = settled;
    const boss = hostOf(world.leader());
    const lost = hostOf(hosts.find((host) => host !== boss && world.manager(host) !== undefined));
    const id = world.nodeId(lost);
    await world.kill(lost, "host");
    await world.until("three voters without it", () => {
      const voters = world.manager(boss)?.status().membership.voters ?? [];
      return voters.length === 3 && !voters.includes(id);
    });
    await world.until("whole without it", () => isWhole(world) || containersOn([lost]) > 0, 10_000);
    await world.submit(boss, { kind: "removeNode", id, force: false, now: world.clock.now() });
    // While it was away it was removed: when it is back it stops what it runs, and forgets the cluster.
    await world.during(world.start(lost));
    await world.until("it has forgotten", () => lost.process === undefined, 90_000);
    await world.until("whole without it", () => isWhole(world));
    expect(containersOn([lost])).toBe(0);
    await world.rejoinCluster(lost);
    await world.until("whole with it", () => isWhole(world));
  });

  it("refuses to remove a manager that it can't do without", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, others } = settled;
    const lost = hostOf(others[0]);
    const kept = world.nodeId(hostOf(others[1]));
    await world.kill(lost, "host");
    await world.until("it is down", () => {
      return (
        world
          .manager(leader)
          ?.view.nodes()
          .some((node) => node.status.state === "down") === true
      );
    });
    const remove = world.submit(leader, { kind: "removeNode", id: kept, force: true, now: world.clock.now() });
    await expect(remove).rejects.toThrow(ClusterError);
    await world.during(world.start(lost));
    await world.until("whole", () => isWhole(world));
  });

  it("takes its work from a node that is drained, and gives it some again", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, others, service, spec } = settled;
    const drained = hostOf(others[0]);
    const id = world.nodeId(drained);
    await world.updateNode(leader, id, { availability: "drain" });
    await world.until("it runs nothing", () => containersOn([drained]) === 0 && isWhole(world));
    await world.updateNode(leader, id, { availability: "active" });
    await world.updateService(leader, service, { ...spec, mode: { kind: "replicated", replicas: 12 } });
    await world.until("it works again", () => isWhole(world) && containersOn([drained]) > 0);
  });
});
