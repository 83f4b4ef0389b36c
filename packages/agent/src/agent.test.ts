import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { SAMPLE_ADDRESS } from "./testing/agent-world.ts";
import { agentWorlds } from "./testing/agent-worlds.ts";
import { SAMPLE_NODE, sampleTask } from "./testing/sample-task.ts";

const begin = agentWorlds();

describe("an agent", () => {
  it("runs what is assigned to it and tells where it is reached", async () => {
    const world = await begin();
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
    const world = await begin();
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
    const world = await begin();
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
    const world = await begin();
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
    const world = await begin();
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
    const world = await begin({ withdrawalMs: 200, program: () => ({}), latencyMs: 0 });
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
    const world = await begin({ withdrawalMs: 60_000 });
    const id = world.assign();
    await world.pass(500);
    world.manager.want(id, "shutdown");
    await world.pass(1_200);
    expect(world.state(id)).toBe("shutdown");
  });

  describe("with a task on a disk that doesn't keep what is to be known after a crash", () => {
    it("is not started, and says why", async () => {
      const world = await begin();
      world.diskState = "full";
      const id = world.assign();
      await world.pass(500);
      const error = "this node could not save that it starts the task: no space left on device";
      expect(world.manager.get(id).status).toMatchObject({ state: "rejected", error });
      expect(world.containersOf(id)).toMatchObject([{ state: "created", starts: 0 }]);
      expect(world.errors.splice(0)).not.toEqual([]);
      world.diskState = "good";
      await world.pass(5_000);
      const next = world.assign();
      await world.pass(500);
      expect(world.state(next)).toBe("running");
    });

    it("is given up after ten seconds without an answer", async () => {
      const world = await begin();
      world.diskState = "silent";
      const id = world.assign();
      await world.pass(9_500);
      expect(world.state(id)).toBe("starting");
      await world.pass(1_500);
      expect(world.manager.get(id).status).toMatchObject({
        state: "rejected",
        error: "this node could not save that it starts the task: its disk did not answer within 10 s",
      });
    });

    it("waits no longer than it is wanted", async () => {
      const world = await begin();
      world.diskState = "silent";
      const id = world.assign();
      await world.pass(1_000);
      world.manager.want(id, "shutdown");
      await world.pass(100);
      expect(world.state(id)).toBe("shutdown");
    });
  });

  it("shares a write of the disk with those that start at the same time, and what runs already is not held up", async () => {
    const world = await begin();
    world.diskState = "silent";
    const ids = Array.from({ length: 40 }, () => world.assign());
    await world.pass(1_000);
    expect(ids.map((id) => world.state(id))).toEqual(ids.map(() => "starting"));
    world.writes = 0;
    world.wakeDisk();
    await world.pass(2_000);
    expect(ids.map((id) => world.state(id))).toEqual(ids.map(() => "running"));
    expect(world.writes).toBeLessThan(10);
    world.diskState = "silent";
    const late = world.assign();
    await world.pass(1_000);
    expect(world.state(late)).toBe("starting");
    expect(world.agent.stats().reportsPending).toBe(0);
    for (const id of ids) world.manager.want(id, "shutdown");
    await world.pass(2_000);
    expect(ids.map((id) => world.state(id))).toEqual(ids.map(() => "shutdown"));
  });

  it("removes the container with the wish or the record", async () => {
    const world = await begin();
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
    const world = await begin();
    const id = world.assign();
    await world.pass(500);
    world.containersOf(id)[0]?.exit(137);
    await world.pass(100);
    expect(world.manager.get(id).status).toMatchObject({ state: "failed", error: "task: non-zero exit (137)" });
    expect(world.withdrawn.map((one) => one.id)).toEqual([id]);
  });

  it("notices it within half a minute when no event tells it", async () => {
    const world = await begin();
    const id = world.assign();
    await world.pass(500);
    world.engine.faults.eventsLost = true;
    world.containersOf(id)[0]?.exit(1);
    await world.pass(35_000);
    expect(world.state(id)).toBe("failed");
  });

  it("tells of a plugin that its engine gets while it runs, once", async () => {
    const world = await begin();
    await world.pass(1_000);
    const before = world.manager.descriptions;
    world.engine.installPlugin("Volume", "sshfs");
    await world.pass(60_000);
    expect(world.manager.description?.engine.plugins).toContainEqual({ kind: "Volume", name: "sshfs" });
    expect(world.manager.descriptions).toBe(before + 1);
  });

  it("withdraws a task whose process has ended before the engine answers what became of it", async () => {
    const world = await begin({ latencyMs: 500, program: () => ({ exitAfterMs: 10_000, exitCode: 137 }) });
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
    const world = await begin({ program: () => ({ healthyAfterMs: 100, stopAfterMs: 50 }) });
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
    const world = await begin({ images: ["local:1"] });
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
    const world = await begin({ passwordOf });
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
    const world = await begin({ passwordOf: (image) => (image === "own:1" ? "hunter2" : undefined) });
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
    const world = await begin({ images: [], registry: ["big:1"], latencyMs: 2_000 });
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
    const world = await begin();
    world.engine.faults.createError = 'invalid mount config for type "bind": bind source path does not exist: /x';
    const id = world.assign();
    await world.pass(500);
    expect(world.manager.get(id).status).toMatchObject({
      state: "rejected",
      error: 'invalid mount config for type "bind": bind source path does not exist: /x',
    });
  });

  it("asks for everything anew when a delta doesn't fit", async () => {
    const world = await begin();
    world.manager.skipVersions();
    const id = world.assign();
    await world.pass(1_000);
    expect(world.state(id)).toBe("running");
  });

  it("stops everything and says so when the cluster removes its node", async () => {
    const world = await begin();
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

describe("an agent among others", () => {
  it("removes a second container of a task, and leaves the first and its endpoint alone", async () => {
    const world = await begin();
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
    const world = await begin();
    const other = { ...SAMPLE_NODE, nodeId: nodeId("another") };
    const never = { signal: new AbortController().signal };
    const made = world.engine.create({ task: sampleTask(77), node: other, image: "web:1" }, never);
    await world.pass(60_000);
    await made;
    expect(world.engine.containers()).toHaveLength(1);
  });

  it("keeps only the latest status of a task while nothing is confirmed", async () => {
    const world = await begin();
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
    const world = await begin();
    world.assign();
    await world.pass(30);
    const drained = world.agent.drain(5_000).then(() => world.clock.monotonic());
    await world.pass(1_000);
    expect(await drained).toBeLessThan(2_000);
    expect(world.agent.stats().reportsPending).toBe(0);
  });
});
