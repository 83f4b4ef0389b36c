import { networkId, tableDigest } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { agentWorlds } from "./testing/agent-worlds.ts";

const begin = agentWorlds();

describe("an agent of the overlay plane", () => {
  it("prepares, attaches and lets go, in this order, and removes networks that nobody needs", async () => {
    const world = await begin({ overlay: true });
    const id = world.assign();
    await world.pass(1_000);
    expect(world.state(id)).toBe("running");
    expect(world.manager.get(id).status).not.toHaveProperty("address");
    expect(world.networks.calls).toEqual(["prepare", "attach"]);
    expect(world.engine.bridges()).toMatchObject([{ name: "murmur.b" }]);
    world.manager.want(id, "shutdown");
    await world.pass(35_000);
    expect(world.state(id)).toBe("shutdown");
    expect(world.networks.calls).toEqual(["prepare", "attach", "detach"]);
    expect(world.engine.bridges()).toEqual([]);
  });

  it("removes a network as soon as the cluster has it no more, whatever else runs here", async () => {
    const world = await begin({ overlay: true });
    const change = { part: 0, more: false, services: [], removedServices: [] };
    const network = { id: networkId("b"), name: "b" };
    const digest = tableDigest({ networks: [network], services: [] });
    world.manager.tell([{ ...change, from: 1, version: 2, digest, networks: [network], removedNetworks: [] }]);
    const [id, other] = [world.assign(), world.assign({ nodeNetwork: "host", networks: [], addresses: [] })];
    await world.pass(1_000);
    world.manager.want(id, "shutdown");
    await world.pass(2_000);
    expect([world.state(id), world.state(other)]).toEqual(["shutdown", "running"]);
    expect(world.engine.bridges()).toMatchObject([{ name: "murmur.b" }]);
    world.manager.tell([{ ...change, from: 2, version: 3, digest: 0, networks: [], removedNetworks: [network.id] }]);
    await world.pass(500);
    expect(world.engine.bridges()).toEqual([]);
  });

  it("leaves a task in its node's own network alone, after a restart, too", async () => {
    const world = await begin({ overlay: true });
    const id = world.assign({ nodeNetwork: "host", networks: [], addresses: [] });
    await world.pass(1_000);
    expect(world.state(id)).toBe("running");
    await world.agent.stop();
    await world.start();
    await world.pass(1_000);
    world.manager.want(id, "shutdown");
    await world.pass(35_000);
    expect([world.state(id), world.networks.calls]).toEqual(["shutdown", []]);
  });

  it("says why a task waits for its networks, and goes on as soon as they can be had", async () => {
    const world = await begin({ overlay: true });
    world.networks.faults.prepareError = "this node was not told of network a yet";
    const id = world.assign();
    await world.pass(300_000);
    const error = "this node was not told of network a yet";
    expect(world.manager.get(id).status).toMatchObject({ state: "preparing", error });
    delete world.networks.faults.prepareError;
    await world.pass(10_000);
    expect(world.manager.get(id).status).toMatchObject({ state: "running" });
    expect(world.manager.get(id).status).not.toHaveProperty("error");
  });

  it("fails a task that can't be attached, after a minute, once its process is gone", async () => {
    const world = await begin({ overlay: true, program: () => ({ stopAfterMs: 500 }) });
    world.networks.faults.attachError = "no tunnel";
    const id = world.assign();
    await world.pass(50_000);
    expect(world.manager.get(id).status).toMatchObject({ state: "starting", error: "no tunnel" });
    await world.pass(20_000);
    expect(world.manager.get(id).status).toMatchObject({
      state: "failed",
      error: "task: could not be connected to its networks: no tunnel",
    });
    expect(world.containersOf(id)[0]?.state).toBe("exited");
    expect(world.networks.calls.at(-1)).toBe("detach");
    expect(world.withdrawn).toEqual([]);
  });

  it("lets go of what it has prepared for a container that can't be made", async () => {
    const world = await begin({ overlay: true });
    world.engine.faults.createError = "invalid mount config";
    const id = world.assign();
    await world.pass(1_000);
    expect(world.state(id)).toBe("rejected");
    world.manager.remove(id);
    await world.pass(35_000);
    expect(world.networks.calls).toEqual(["prepare", "detach"]);
  });

  it("stops a task that isn't wanted any more without waiting until it is attached", async () => {
    const world = await begin({ overlay: true });
    world.networks.faults.attachHangs = true;
    const id = world.assign();
    await world.pass(1_000);
    expect(world.state(id)).toBe("starting");
    world.manager.want(id, "shutdown");
    await world.pass(200);
    expect(world.state(id)).toBe("shutdown");
    expect(world.networks.calls).toEqual(["prepare", "attach", "detach"]);
  });

  it("attaches what it finds running, and stops none of it while its overlay doesn't answer", async () => {
    const world = await begin({ overlay: true });
    const ids = [world.assign(), world.assign()];
    await world.pass(1_000);
    await world.agent.stop();
    world.networks.faults.attachHangs = true;
    world.networks.calls.length = 0;
    await world.start();
    await world.pass(300_000);
    expect(ids.map((id) => world.containersOf(id)[0]?.state)).toEqual(["running", "running"]);
    delete world.networks.faults.attachHangs;
    await world.pass(20_000);
    expect([...world.networks.attached.keys()].toSorted()).toEqual(ids);
    expect(world.networks.calls).not.toContain("detach");
  });

  // Seed 41017: a node that was removed crashed while it stopped its containers, whose tasks it had forgotten by then.
  it("says of all that it finds running that it waits for it, also of what it has forgotten, until that is gone", async () => {
    const world = await begin({ overlay: true });
    const [kept, lost] = [world.assign(), world.assign()];
    await world.pass(1_000);
    await world.agent.stop();
    world.disk.clear();
    world.manager.tasks.delete(lost);
    world.manager.reachable = false;
    world.manager.hangUp();
    await world.start();
    await world.pass(10_000);
    expect([...world.networks.expected].toSorted()).toEqual([kept, lost]);
    world.manager.reachable = true;
    await world.pass(4_000);
    expect(world.engine.containers().map(({ request }) => request.task.id)).toEqual([kept]);
    expect(world.networks.expected.size).toBe(0);
  });

  it("ends what was restarted by hand: its end was told, and nobody sends to it any more", async () => {
    const world = await begin({ overlay: true });
    const id = world.assign();
    await world.pass(1_000);
    world.engine.restart(world.containersOf(id)[0]?.id ?? "");
    await world.pass(1_000);
    expect(world.state(id)).toBe("failed");
    expect(world.containersOf(id)[0]?.state).toBe("exited");
    expect(world.networks.attached.has(id)).toBe(false);
  });

  it("waits for an address whose holder is going, not for ever", async () => {
    const world = await begin({ overlay: true, program: ({ task }) => ({ stopAfterMs: task.slot === 1 ? 3_000 : 0 }) });
    const first = world.assign();
    await world.pass(1_000);
    const { networks, addresses = [] } = world.manager.get(first);
    world.manager.want(first, "shutdown");
    const second = world.assign({ networks, addresses });
    const third = world.assign({ networks, addresses });
    await world.pass(10_000);
    expect(world.state(first)).toBe("shutdown");
    expect([second, third].map((id) => world.state(id)).toSorted()).toEqual(["running", "starting"]);
    await world.pass(60_000);
    expect([second, third].map((id) => world.state(id)).toSorted()).toEqual(["rejected", "running"]);
  });

  it("removes its networks before it says that it has left the cluster", async () => {
    const world = await begin({ overlay: true });
    world.assign();
    world.assign();
    await world.pass(1_000);
    expect(world.engine.bridges()).toHaveLength(2);
    let left: number | undefined;
    world.agent.onRemoved(() => (left = world.engine.bridges().length));
    world.manager.expel();
    await world.pass(3_000);
    expect(left).toBe(0);
  });
});
