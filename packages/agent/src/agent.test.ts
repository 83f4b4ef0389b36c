import { nodeId } from "@murmur/base";
import type { ClusterFacts, TaskId } from "@murmur/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentWorld, SAMPLE_ADDRESS, type AgentWorldOptions } from "./testing/agent-world.ts";
import { SAMPLE_NODE, sampleTask } from "./testing/sample-task.ts";

let world: AgentWorld;
const begin = async (options: AgentWorldOptions = {}): Promise<AgentWorld> => {
  world = new AgentWorld(options);
  await world.start();
  await world.pass(1_000);
  return world;
};

afterEach(async () => {
  await world.agent.stop();
  expect(world.errors).toEqual([]);
});

describe("an agent", () => {
  it("runs what is assigned to it and tells where it is reached", async () => {
    await begin();
    const id = world.assign();
    await world.pass(1_000);
    expect(world.manager.get(id).status).toMatchObject({
      state: "running",
      address: "127.0.0.1",
      ports: [{ protocol: "tcp", targetPort: 8080, hostPort: 32_768 }],
      containerId: world.containersOf(id)[0]?.id,
    });
    expect(world.agent.stats()).toMatchObject({ tasks: 1, connected: true, reportsPending: 0 });
    expect(world.manager).toMatchObject({ engine: "ready" });
    expect(world.manager.descriptions).toBeGreaterThan(0);
  });

  it("says anew how its engine fares and where it is when its record has it otherwise, and only then", async () => {
    await begin();
    await world.pass(1_000);
    const { manager } = world;
    const wrong = [
      { engine: "down" },
      { address: "10.0.0.9:7373" },
      { engine: "down", address: SAMPLE_ADDRESS },
    ] as const;
    for (const own of wrong) {
      Object.assign(manager, { engine: "", address: "" });
      manager.mistake(own);
      await world.pass(100);
      expect(manager).toMatchObject({ engine: "ready", address: SAMPLE_ADDRESS });
    }
    Object.assign(manager, { engine: "", address: "" });
    manager.mistake({ engine: "ready", address: SAMPLE_ADDRESS });
    await world.pass(100);
    expect(manager).toMatchObject({ engine: "", address: "" });
  });

  it("starts ten tasks about as fast as one, and never asks too much of the engine at once", async () => {
    await begin();
    const ids = Array.from({ length: 40 }, () => world.assign());
    let most = 0;
    for (let ms = 0; ms < 400; ms += 1) {
      await world.pass(1);
      most = Math.max(most, world.agent.stats().engineCallsRunning);
    }
    expect(ids.map((id) => world.state(id))).toEqual(ids.map(() => "running"));
    expect(most).toBeGreaterThan(8);
    expect(most).toBeLessThanOrEqual(32);
  });

  it("holds a task that is wanted ready, and starts it no sooner than told", async () => {
    await begin();
    const id = world.assign({ desiredState: "ready", notBefore: world.clock.now() + 5_000 });
    await world.pass(1_000);
    expect(world.state(id)).toBe("ready");
    world.manager.want(id, "running");
    await world.pass(3_900);
    expect(world.state(id)).toBe("ready");
    await world.pass(300);
    expect(world.state(id)).toBe("running");
  });

  it("keeps a held task to its moment whatever the two clocks say", async () => {
    await begin();
    const now = world.clock.now();
    world.clock.jump(3_600_000);
    // Held back for two seconds by the clock that assigns it.
    const id = world.assign({ createdAt: now, notBefore: now + 3_602_000 });
    await world.pass(1_500);
    expect(world.state(id)).toBe("ready");
    await world.pass(1_000);
    expect(world.state(id)).toBe("running");
  });

  it("withdraws, waits for the others, signals, and kills after the grace", async () => {
    await begin({ withdrawalMs: 200, program: () => ({}), latencyMs: 0 });
    const id = world.assign({ container: { stopGracePeriodMs: 3_000 } });
    await world.pass(500);
    const began = world.clock.monotonic();
    world.manager.want(id, "shutdown");
    await world.pass(150);
    expect(world.withdrawn).toEqual([{ id, at: began }]);
    expect(world.state(id)).toBe("running");
    await world.pass(3_000);
    expect(world.containersOf(id)[0]?.state).toBe("running");
    await world.pass(100);
    expect(world.containersOf(id)[0]?.state).toBe("exited");
    await world.pass(50);
    expect(world.manager.get(id).status).toMatchObject({ state: "shutdown", exitCode: 137 });
  });

  it("waits for acknowledgements a second at most", async () => {
    await begin({ withdrawalMs: 60_000 });
    const id = world.assign();
    await world.pass(500);
    world.manager.want(id, "shutdown");
    await world.pass(1_200);
    expect(world.state(id)).toBe("shutdown");
  });

  it("removes the container with the wish or the record", async () => {
    await begin();
    const [first, second] = [world.assign(), world.assign()];
    await world.pass(500);
    world.manager.want(first, "remove");
    world.manager.remove(second);
    await world.pass(1_000);
    expect(world.engine.containers()).toEqual([]);
    expect(world.state(first)).toBe("shutdown");
    expect(world.agent.stats().tasks).toBe(1);
  });

  it("notices a container that was killed behind its back at once", async () => {
    await begin();
    const id = world.assign();
    await world.pass(500);
    world.containersOf(id)[0]?.exit(137);
    await world.pass(100);
    expect(world.manager.get(id).status).toMatchObject({ state: "failed", error: "task: non-zero exit (137)" });
    expect(world.withdrawn.map((one) => one.id)).toEqual([id]);
  });

  it("notices it within half a minute when no event tells it", async () => {
    await begin();
    const id = world.assign();
    await world.pass(500);
    world.engine.faults.eventsLost = true;
    world.containersOf(id)[0]?.exit(1);
    await world.pass(35_000);
    expect(world.state(id)).toBe("failed");
  });

  it("tells of a plugin that its engine gets while it runs, once", async () => {
    await begin();
    await world.pass(1_000);
    const before = world.manager.descriptions;
    world.engine.installPlugin("Volume", "sshfs");
    await world.pass(60_000);
    expect(world.manager.description?.engine.plugins).toContainEqual({ kind: "Volume", name: "sshfs" });
    expect(world.manager.descriptions).toBe(before + 1);
  });

  it("withdraws a task whose process has ended before the engine answers what became of it", async () => {
    await begin({ latencyMs: 500, program: () => ({ exitAfterMs: 10_000, exitCode: 137 }) });
    const id = world.assign();
    while (world.containersOf(id)[0]?.state !== "exited") await world.pass(10);
    await world.pass(10);
    expect(world.withdrawn.map((one) => one.id)).toEqual([id]);
    expect(world.state(id)).toBe("running");
    await world.pass(5_000);
    expect(world.state(id)).toBe("failed");
    expect(world.withdrawn).toHaveLength(1);
  });

  it("fails an unhealthy task after stopping it, and withdraws it first", async () => {
    await begin({ program: () => ({ healthyAfterMs: 100, stopAfterMs: 50 }) });
    const id = world.assign();
    await world.pass(50);
    expect(world.state(id)).not.toBe("running");
    await world.pass(500);
    expect(world.manager.get(id).status).toMatchObject({ state: "running", health: "healthy" });
    world.containersOf(id)[0]?.setHealth("unhealthy");
    await world.pass(30);
    expect(world.withdrawn).toHaveLength(1);
    await world.pass(500);
    expect(world.manager.get(id).status).toMatchObject({
      state: "failed",
      error: "task: non-zero exit (143): dockerexec: unhealthy container",
    });
  });

  it("pulls what is missing, once for all, and falls back to the local image", async () => {
    await begin({ images: ["local:1"] });
    const missing = world.assign({ container: { image: "absent:1" } });
    const pinned = world.assign({ container: { image: "local:1@sha256:abc" } });
    await world.pass(3_000);
    expect(world.manager.get(missing).status).toMatchObject({
      state: "rejected",
      error: "pull access denied for absent:1, repository does not exist",
    });
    expect(world.manager.get(pinned).status).toMatchObject({
      state: "running",
      message: "started with the local image",
      error: expect.stringMatching(/^runs the image that the node has, pull failed: pull access denied/) as string,
    });
  });

  it("brings the service's login to a pull, and doesn't pull before it has heard of it", async () => {
    const passwordOf = (image: string): string | undefined => (image === "own:1" ? "hunter2" : undefined);
    await begin({ passwordOf });
    const own = { container: { image: "own:1" }, hasLogin: true } as const;
    const id = world.assign(own);
    await world.pass(5_000);
    expect(world.manager.get(id).status).toMatchObject({
      state: "preparing",
      error: expect.stringMatching(/^waiting for the login to the image's registry: .*--with-registry-auth/) as string,
    });
    expect(world.engine.deniedPulls).toEqual([]);
    const login = Buffer.from(JSON.stringify({ password: "hunter2" })).toString("base64url");
    const { serviceId } = world.manager.get(id);
    world.manager.hand([{ kind: "login", id: serviceId, data: Buffer.from(login).toString("base64") }]);
    await world.pass(5_000);
    expect(world.state(id)).toBe("running");
    for (const bytes of world.disk.values()) expect(new TextDecoder().decode(bytes)).not.toContain(login);
  });

  it("asks the registry as anybody when it was told that there is no login", async () => {
    await begin({ passwordOf: (image) => (image === "own:1" ? "hunter2" : undefined) });
    const id = world.assign({ container: { image: "own:1" }, hasLogin: true });
    world.manager.hand([{ kind: "login", id: world.manager.get(id).serviceId, data: "" }]);
    await world.pass(5_000);
    expect(world.manager.get(id).status).toMatchObject({
      state: "rejected",
      error: "Head own:1: no basic auth credentials",
    });
    expect(world.engine.deniedPulls).toEqual(["own:1"]);
  });

  it("gives up a pull that nobody wants any more, but not one that somebody still wants", async () => {
    await begin({ images: [], registry: ["big:1"], latencyMs: 2_000 });
    await world.pass(10_000);
    const big = { container: { image: "big:1" } };
    const [first, second] = [world.assign(big), world.assign(big)];
    await world.pass(5_000);
    expect(world.agent.stats().engineCallsRunning).toBe(1);
    world.manager.want(first, "shutdown");
    await world.pass(100);
    expect(world.state(first)).toBe("shutdown");
    await world.pass(30_000);
    expect(world.state(second)).toBe("running");
    expect(world.containersOf(first)).toEqual([]);
  });

  it("rejects what the engine refuses, in the engine's words", async () => {
    await begin();
    world.engine.faults.createError = 'invalid mount config for type "bind": bind source path does not exist: /x';
    const id = world.assign();
    await world.pass(500);
    expect(world.manager.get(id).status).toMatchObject({
      state: "rejected",
      error: 'invalid mount config for type "bind": bind source path does not exist: /x',
    });
  });

  it("asks for everything anew when a delta doesn't fit", async () => {
    await begin();
    world.manager.skipVersions();
    const id = world.assign();
    await world.pass(1_000);
    expect(world.state(id)).toBe("running");
  });

  it("stops everything and says so when the cluster removes its node", async () => {
    await begin();
    world.assign();
    await world.pass(500);
    let removed = false;
    world.agent.onRemoved(() => (removed = true));
    world.manager.expel();
    await world.pass(2_000);
    expect(world.engine.containers()).toEqual([]);
    expect(removed).toBe(true);
    expect(world.disk.get("agent.tasks")?.length).toBeLessThan(60);
  });
});

describe("an agent whose node leaves", () => {
  const { signal } = new AbortController();
  const SLOW = { program: () => ({ stopAfterMs: 8_000 }) };

  it.each(["hears of it first", "asks first"])(
    "by force kills what runs when it %s, and tells where traffic may not go",
    async (how) => {
      await begin(SLOW);
      const id = world.assign();
      await world.pass(500);
      let removed = false;
      world.agent.onRemoved(() => (removed = true));
      world.agent.forceOut();
      if (how === "hears of it first") world.manager.expel();
      else void world.agent.retire(signal);
      await world.pass(1_000);
      expect(world.engine.containers()).toEqual([]);
      expect(removed).toBe(true);
      expect(world.withdrawn.map((one) => one.id)).toEqual([id]);
    },
  );

  it("kills what is being stopped already", async () => {
    await begin(SLOW);
    const id = world.assign();
    await world.pass(500);
    world.manager.want(id, "shutdown");
    await world.pass(2_000);
    expect(world.containersOf(id)[0]?.state).toBe("running");
    world.agent.forceOut();
    void world.agent.retire(signal);
    await world.pass(1_000);
    expect(world.engine.containers()).toEqual([]);
  });

  it.each(["is removed", "leaves"])("gives what runs its grace when it %s in good order", async (how) => {
    await begin(SLOW);
    world.assign();
    await world.pass(500);
    if (how === "leaves") void world.agent.retire(signal);
    else world.manager.expel();
    await world.pass(5_000);
    expect(world.engine.containers()).toMatchObject([{ state: "running" }]);
    await world.pass(6_000);
    expect(world.engine.containers()).toEqual([]);
  });
});

describe("an agent of the overlay plane", () => {
  const calls = (): readonly string[] => world.networks.calls;

  afterEach(() => expect(world.networks.violations).toEqual([]));

  it("prepares, attaches and lets go, in this order, and removes networks that nobody needs", async () => {
    await begin({ overlay: true });
    const id = world.assign();
    await world.pass(1_000);
    expect(world.state(id)).toBe("running");
    expect(world.manager.get(id).status).not.toHaveProperty("address");
    expect(calls()).toEqual(["prepare", "attach"]);
    expect(world.engine.bridges()).toMatchObject([{ name: "murmur.b" }]);
    world.manager.want(id, "shutdown");
    await world.pass(35_000);
    expect(world.state(id)).toBe("shutdown");
    expect(calls()).toEqual(["prepare", "attach", "detach"]);
    expect(world.engine.bridges()).toEqual([]);
  });

  it("leaves a task in its node's own network alone, after a restart, too", async () => {
    await begin({ overlay: true });
    const id = world.assign({ nodeNetwork: "host", networks: [], addresses: [] });
    await world.pass(1_000);
    expect(world.state(id)).toBe("running");
    await world.agent.stop();
    await world.start();
    await world.pass(1_000);
    world.manager.want(id, "shutdown");
    await world.pass(35_000);
    expect([world.state(id), calls()]).toEqual(["shutdown", []]);
  });

  it("says why a task waits for its networks, and goes on as soon as they can be had", async () => {
    await begin({ overlay: true });
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
    await begin({ overlay: true, program: () => ({ stopAfterMs: 500 }) });
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
    expect(calls().at(-1)).toBe("detach");
    expect(world.withdrawn).toEqual([]);
  });

  it("lets go of what it has prepared for a container that can't be made", async () => {
    await begin({ overlay: true });
    world.engine.faults.createError = "invalid mount config";
    const id = world.assign();
    await world.pass(1_000);
    expect(world.state(id)).toBe("rejected");
    world.manager.remove(id);
    await world.pass(35_000);
    expect(calls()).toEqual(["prepare", "detach"]);
  });

  it("stops a task that isn't wanted any more without waiting until it is attached", async () => {
    await begin({ overlay: true });
    world.networks.faults.attachHangs = true;
    const id = world.assign();
    await world.pass(1_000);
    expect(world.state(id)).toBe("starting");
    world.manager.want(id, "shutdown");
    await world.pass(200);
    expect(world.state(id)).toBe("shutdown");
    expect(calls()).toEqual(["prepare", "attach", "detach"]);
  });

  it("attaches what it finds running, and stops none of it while its overlay doesn't answer", async () => {
    await begin({ overlay: true });
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
    await begin({ overlay: true });
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
    await begin({ overlay: true });
    const id = world.assign();
    await world.pass(1_000);
    world.engine.restart(world.containersOf(id)[0]?.id ?? "");
    await world.pass(1_000);
    expect(world.state(id)).toBe("failed");
    expect(world.containersOf(id)[0]?.state).toBe("exited");
    expect(world.networks.attached.has(id)).toBe(false);
  });

  it("waits for an address whose holder is going, not for ever", async () => {
    await begin({ overlay: true, program: ({ task }) => ({ stopAfterMs: task.slot === 1 ? 3_000 : 0 }) });
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
    await begin({ overlay: true });
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

describe("an agent that was away", () => {
  it("adopts its containers and restarts none", async () => {
    await begin();
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
    await begin();
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

  it("tells where its tasks are when its node has come back at another address, and restarts none", async () => {
    await begin();
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
    await begin();
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
    await begin();
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

    beforeEach(async () => {
      await begin();
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
    await begin();
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

  it("stops what the managers gave up while the node was cut off", async () => {
    await begin();
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

describe("an agent whose engine is away", () => {
  it("says so at once, fails nothing that it can't see, and goes on afterwards", async () => {
    await begin();
    const before = world.assign();
    await world.pass(500);
    world.engine.hang();
    await world.pass(15_000);
    expect(world.manager.engine).toBe("down");
    const during = world.assign();
    await world.pass(5_000);
    expect(world.state(before)).toBe("running");
    expect(world.state(during)).toBe("preparing");
    world.engine.wake();
    await world.pass(8_000);
    expect(world.manager.engine).toBe("ready");
    expect([before, during].map((id) => world.state(id))).toEqual(["running", "running"]);
    expect(world.containersOf(before)[0]?.starts).toBe(1);
  });

  it("notices what a restart of the engine has ended", async () => {
    await begin();
    const id = world.assign();
    await world.pass(500);
    world.engine.shutDown();
    await world.pass(50);
    expect(world.manager.engine).toBe("down");
    await world.pass(20_000);
    expect(world.state(id)).toBe("running");
    world.engine.boot();
    await world.pass(6_000);
    expect(world.manager.get(id).status).toMatchObject({ state: "failed", exitCode: 137 });
  });

  it("makes one container although the answers get lost", async () => {
    await begin();
    world.engine.faults.answersLost = 0.5;
    const ids = Array.from({ length: 10 }, () => world.assign());
    await world.pass(60_000);
    world.engine.faults.answersLost = 0;
    await world.pass(30_000);
    expect(ids.map((id) => world.state(id))).toEqual(ids.map(() => "running"));
    expect(ids.map((id) => world.containersOf(id).length)).toEqual(ids.map(() => 1));
  });

  it("doesn't start again what has run and ended while the answer was lost", async () => {
    await begin({ program: () => ({ exitAfterMs: 10 }) });
    world.engine.faults.eventsLost = true;
    const id = world.assign({ desiredState: "ready" });
    await world.pass(500);
    world.manager.want(id, "running");
    world.engine.faults.answersLost = 1;
    while (world.containersOf(id)[0]?.starts === 0) await world.pass(1);
    world.engine.faults.answersLost = 0;
    await world.pass(30_000);
    expect(world.state(id)).toBe("complete");
    expect(world.containersOf(id)[0]?.starts).toBe(1);
  });

  it("believes no inspection that began before something happened", async () => {
    await begin({ latencyMs: 200 });
    const ids = Array.from({ length: 30 }, () => world.assign());
    for (const id of ids) {
      await world.pass(23);
      world.containersOf(id)[0]?.exit(1);
    }
    await world.pass(1_500);
    expect(
      ids.map((id) => world.containersOf(id)[0]?.state === "exited" && world.state(id) !== "failed"),
    ).not.toContain(true);
  });
});

describe("an agent among others", () => {
  it("removes a second container of a task, and leaves the first and its endpoint alone", async () => {
    await begin();
    const id = world.assign();
    await world.pass(500);
    const copy = { ...world.manager.get(id), serviceName: "copied-by-hand" };
    const never = { signal: new AbortController().signal };
    const made = world.engine.create({ task: copy, node: SAMPLE_NODE, image: "web:1" }, never);
    await world.pass(100);
    const started = world.engine.start(await made, never);
    await world.pass(35_000);
    await started;
    expect(world.containersOf(id).map(({ name, state }) => [name.split(".")[0], state])).toEqual([["web", "running"]]);
    expect(world.state(id)).toBe("running");
    expect(world.withdrawn).toEqual([]);
  });

  it("leaves the containers of other nodes on the same engine alone", async () => {
    await begin();
    const other = { ...SAMPLE_NODE, nodeId: nodeId("another") };
    const never = { signal: new AbortController().signal };
    const made = world.engine.create({ task: sampleTask(77), node: other, image: "web:1" }, never);
    await world.pass(60_000);
    await made;
    expect(world.engine.containers()).toHaveLength(1);
  });

  it("keeps only the latest status of a task while nothing is confirmed", async () => {
    await begin();
    world.manager.quorum = false;
    const ids = Array.from({ length: 20 }, () => world.assign());
    await world.pass(2_000);
    for (const id of ids) world.containersOf(id)[0]?.exit(1);
    await world.pass(20_000);
    expect(world.agent.stats().reportsPending).toBe(20);
    world.manager.quorum = true;
    await world.agent.drain(0);
    await world.pass(40_000);
    expect(world.agent.stats().reportsPending).toBe(0);
    expect(ids.map((id) => world.state(id))).toEqual(ids.map(() => "failed"));
  });

  it("drains what is to be reported before an orderly stop, for no longer than allowed", async () => {
    await begin();
    world.assign();
    await world.pass(30);
    const drained = world.agent.drain(5_000).then(() => world.clock.monotonic());
    await world.pass(1_000);
    expect(await drained).toBeLessThan(2_000);
    expect(world.agent.stats().reportsPending).toBe(0);
  });
});
