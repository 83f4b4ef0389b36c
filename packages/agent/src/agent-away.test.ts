import { assert, nodeId } from "@murmur/base";
import { secretId, type ClusterFacts, type TaskId } from "@murmur/model";
import { beforeEach, describe, expect, it } from "vitest";
import { SAMPLE_ADDRESS, type AgentWorld } from "./testing/agent-world.ts";
import { agentWorlds } from "./testing/agent-worlds.ts";
import { SAMPLE_NODE, sampleTask } from "./testing/sample-task.ts";
import { processOf } from "./testing/stub-networks.ts";

const begin = agentWorlds();

describe("an agent that was away", () => {
  it("adopts its containers and restarts none", async () => {
    const world = await begin();
    const ids = [world.assign(), world.assign()];
    await world.pass(500);
    await world.agent.stop();
    expect(world.engine.containers().map(({ state }) => state)).toEqual(["running", "running"]);
    await world.start();
    await world.pass(1_000);
    expect(ids.map((id) => world.state(id))).toEqual(["running", "running"]);
    expect(world.engine.containers().map(({ starts }) => starts)).toEqual([1, 1]);
  });

  it("keeps its tasks up without any manager, and learns what ended meanwhile", async () => {
    const world = await begin();
    const [first, second] = [world.assign(), world.assign()];
    await world.pass(500);
    await world.agent.stop();
    world.manager.reachable = false;
    world.manager.hangUp();
    world.containersOf(second)[0]?.exit(3);
    await world.start();
    await world.pass(60_000);
    expect(world.containersOf(first)[0]).toMatchObject({ state: "running", starts: 1 });
    expect(world.agent.stats()).toMatchObject({ tasks: 2, connected: false });
    world.manager.reachable = true;
    await world.pass(3_000);
    expect(world.manager.get(second).status).toMatchObject({ state: "failed", exitCode: 3 });
  });

  it("takes up what somebody has restarted meanwhile, with its new process: no end was told", async () => {
    const world = await begin({ overlay: true });
    const name = "key";
    const data = Buffer.from("hunter2").toString("base64");
    world.manager.hand([{ kind: "secret", id: name, data }]);
    const file = { name, uid: 0, gid: 0, mode: 0o400 };
    const id = world.assign({ container: { secrets: [{ secretId: secretId(name), secretName: name, file }] } });
    await world.pass(1_000);
    const before = world.manager.get(id).status.pid;
    await world.agent.stop();
    world.engine.restart(world.containersOf(id)[0]?.id ?? "");
    await world.start();
    await world.pass(60_000);
    const [container] = world.containersOf(id);
    assert(container !== undefined, "its container is there");
    expect(container).toMatchObject({ state: "running", starts: 1 });
    const { pid } = container.show();
    expect(pid).not.toBe(before);
    expect(world.manager.get(id).status).toMatchObject({ state: "running", containerId: container.id, pid });
    expect(world.networks.attached.get(id)).toBe(processOf(container.show()));
    expect(world.files.of(id)).toHaveLength(1);
    expect(world.withdrawn).toEqual([]);
  });

  it("tells where its tasks are when its node has come back at another address, and restarts none", async () => {
    const world = await begin();
    const published = world.assign();
    const silent = world.assign({ endpointPorts: [] });
    const everywhere = world.assign({
      endpointPorts: [{ protocol: "tcp", targetPort: 80, publishedPort: 8080, mode: "host" }],
    });
    await world.pass(1_000);
    await world.agent.stop();
    world.manager.hangUp();
    world.dataAddress = "127.0.0.2";
    await world.start();
    await world.pass(2_000);
    const addressOf = (id: TaskId): string | undefined => world.manager.get(id).status.address;
    // The engine has published its port at the address of before, and it can't be moved.
    expect([published, silent, everywhere].map(addressOf)).toEqual(["127.0.0.1", "127.0.0.2", "127.0.0.2"]);
    for (const id of [published, silent, everywhere]) {
      expect(world.containersOf(id)).toMatchObject([{ state: "running", starts: 1 }]);
      expect(world.manager.get(id).status).toMatchObject({ state: "running", health: "none" });
    }
    const later = world.assign();
    await world.pass(1_000);
    expect(addressOf(later)).toBe("127.0.0.2");
  });

  // Seed 62000451: it took the task for a new one, and could not make the container that ran.
  it("finds the container of a task that it has forgotten, also while the engine makes none", async () => {
    const world = await begin();
    const id = world.assign();
    const assigned = world.manager.get(id);
    await world.pass(1_000);
    await world.agent.stop();
    world.disk.clear();
    world.manager.put(assigned);
    world.engine.faults.createError = "invalid mount config";
    world.manager.reachable = false;
    world.manager.hangUp();
    await world.start();
    await world.pass(2_000);
    world.manager.reachable = true;
    await world.pass(4_000);
    expect(world.state(id)).toBe("running");
    expect(world.containersOf(id)).toMatchObject([{ state: "running", starts: 1 }]);
  });

  it("removes what nobody wants, but only once a manager has spoken", async () => {
    const world = await begin();
    const id = world.assign();
    await world.pass(500);
    await world.agent.stop();
    world.disk.clear();
    world.manager.tasks.delete(id);
    world.manager.reachable = false;
    world.manager.hangUp();
    await world.start();
    await world.pass(60_000);
    expect(world.containersOf(id)[0]?.state).toBe("running");
    world.manager.reachable = true;
    await world.pass(4_000);
    expect(world.engine.containers()).toEqual([]);
  });

  describe("containers that another node of the cluster has made on this engine", () => {
    const sibling = nodeId("n".repeat(25));
    const signal = new AbortController().signal;
    const known = (address: string) => ({ id: sibling, hostname: "other", address, raftRole: "none" }) as const;

    let world: AgentWorld;

    beforeEach(async () => {
      world = await begin();
      const task = sampleTask(77);
      const node = { ...SAMPLE_NODE, nodeId: sibling };
      const id = await settle(world.engine.create({ task, node, image: "web" }, { signal }));
      await settle(world.engine.start(id, { signal }));
    });

    const settle = async <T>(work: Promise<T>): Promise<T> => {
      await world.pass(100);
      return work;
    };
    /** Tells the agent who is in the cluster. */
    const tell = async (nodes: ClusterFacts["nodes"]): Promise<void> => {
      world.manager.facts = { nodes, gossipKeys: [] };
      world.manager.hangUp();
      await world.pass(5_000);
    };

    it("are left alone while that node is in the cluster, wherever it is", async () => {
      await tell([known("10.0.0.2:7373")]);
      await world.pass(600_000);
      expect(world.engine.containers()).toHaveLength(1);
    });

    it("go when that node was this host, before it was wiped and joined anew", async () => {
      await tell([known(SAMPLE_ADDRESS)]);
      await world.pass(35_000);
      expect(world.engine.containers()).toEqual([]);
    });

    it("are left alone when that node is up: it has moved away, and its record hasn't followed yet", async () => {
      world.verdict = "alive";
      await tell([known(SAMPLE_ADDRESS)]);
      await world.pass(600_000);
      expect(world.engine.containers()).toHaveLength(1);
    });

    it("go when that node was this host long ago, and nobody has heard of it since", async () => {
      world.verdict = "unheard";
      await tell([known(SAMPLE_ADDRESS)]);
      await world.pass(25_000);
      expect(world.engine.containers()).toHaveLength(1);
      await world.pass(90_000);
      expect(world.engine.containers()).toEqual([]);
    });

    it("go when the cluster doesn't know that node, but not before it had time to tell of it", async () => {
      await tell([]);
      await world.pass(25_000);
      expect(world.engine.containers()).toHaveLength(1);
      await world.pass(90_000);
      expect(world.engine.containers()).toEqual([]);
    });

    it("are left alone while no manager says who is in the cluster", async () => {
      world.manager.reachable = false;
      await tell([]);
      await world.pass(600_000);
      expect(world.engine.containers()).toHaveLength(1);
    });
  });

  it("doesn't start a task anew whose container is gone, though its own memory is lost", async () => {
    const world = await begin();
    const id = world.assign();
    await world.pass(500);
    await world.agent.stop();
    world.disk.clear();
    world.engine.destroy(world.containersOf(id)[0]?.id ?? "");
    await world.start();
    await world.pass(1_000);
    expect(world.manager.get(id).status).toMatchObject({
      state: "failed",
      error: "task: the container was removed by someone else",
    });
    expect(world.containersOf(id)).toEqual([]);
  });

  // Seed 1100101324: nobody knew that it had run, and it was run in a second container.
  it("doesn't start a task anew that it has just started, when it crashes and somebody removes the container", async () => {
    const world = await begin();
    world.manager.quorum = false;
    const id = world.assign();
    while (world.containersOf(id)[0]?.starts !== 1) await world.clock.advance(1);
    await world.agent.stop();
    world.manager.hangUp();
    world.engine.destroy(world.containersOf(id)[0]?.id ?? "");
    world.manager.quorum = true;
    await world.start();
    await world.pass(4_000);
    expect(world.manager.get(id).status).toMatchObject({
      state: "failed",
      error: "task: the container was removed by someone else",
    });
    expect(world.containersOf(id)).toEqual([]);
  });

  it("stops what the managers gave up while the node was cut off", async () => {
    const world = await begin();
    const id = world.assign();
    await world.pass(500);
    world.manager.hangUp();
    const task = world.manager.get(id);
    world.manager.tasks.set(id, { ...task, status: { ...task.status, state: "orphaned" }, desiredState: "shutdown" });
    await world.pass(3_000);
    expect(world.containersOf(id)[0]?.state).toBe("exited");
    expect(world.state(id)).toBe("orphaned");
  });
});
