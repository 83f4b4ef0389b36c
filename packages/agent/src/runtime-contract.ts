import { taskName } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { NEVER, refusal, using } from "./contract-fixture.ts";
import { clusterLabels, ownerLabels, taskOf } from "./labels.ts";
import type { Container, ContainerEvent, ContainerRequest, Runtime } from "./ports.ts";

/** Processes that every adapter of the contract can run. `deaf` ignores its stop signal, `well` becomes healthy when told. */
export type Behaviour = "stays" | "fails with 3" | "deaf" | "well";

/** One runtime under test, with means to make requests for it and to let time pass. */
export interface RuntimeFixture {
  readonly runtime: Runtime;
  /** A request for a new task that belongs to this fixture's cluster and node. */
  readonly request: (behaviour: Behaviour, parts?: { image?: string; hostPort?: number }) => ContainerRequest;
  /** A port of the machine that nobody has. */
  freePort(): Promise<number>;
  /** Lets the process of a container that is `well` become healthy. */
  makeHealthy(containerId: string): Promise<void>;
  /** A name of an image that can be had nowhere. */
  readonly missingImage: string;
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What every `Runtime` does, real or simulated. */
export function runtimeContract(name: string, open: () => Promise<RuntimeFixture>): void {
  describe(`${name} is a runtime`, () => {
    it("answers and describes itself", () =>
      using(open, async ({ runtime }) => {
        await runtime.ping(NEVER);
        const info = await runtime.info(NEVER);
        expect(info.cpus).toBeGreaterThan(0);
        expect(info.memoryBytes).toBeGreaterThan(0);
        expect(info).toMatchObject({ os: "linux", hostname: expect.any(String), version: expect.any(String) });
      }));

    it("makes a container once, and finds it by id, name and labels", () =>
      using(open, async ({ runtime, request }) => {
        const wish = request("stays");
        const id = await runtime.create(wish, NEVER);
        const made = await runtime.inspect(id, NEVER);
        expect(made).toMatchObject({ id, name: taskName(wish.task), state: "created", pid: 0, health: "none" });
        expect(taskOf(made)).toBe(wish.task.id);
        expect((await runtime.inspect(taskName(wish.task), NEVER)).id).toBe(id);
        await expect(refusal(runtime.create(wish, NEVER))).resolves.toBe("name_conflict");
        const mine = ownerLabels(wish.node.clusterId, wish.node.nodeId);
        expect((await runtime.list(mine, NEVER)).map((line) => [line.id, line.state])).toEqual([[id, "created"]]);
        expect(await runtime.list({ ...mine, "murmur.node.id": "another" }, NEVER)).toEqual([]);
      }));

    it("makes the named volumes of a container, which outlive it", () =>
      using(open, async ({ runtime, request }) => {
        const wish = request("stays");
        const name = `murmur-test-${wish.task.id}`;
        const mounts = [{ kind: "volume", source: name, target: "/data", readOnly: false }] as const;
        const { spec } = wish.task;
        const task = { ...wish.task, spec: { ...spec, container: { ...spec.container, mounts } } };
        const id = await runtime.create({ ...wish, task }, NEVER);
        await runtime.remove(id, NEVER);
        const made = (await runtime.volumes(NEVER)).find((volume) => volume.name === name);
        expect(made?.labels).toMatchObject(clusterLabels(wish.node.clusterId));
      }));

    it("starts, publishes ports, and does nothing to what runs", () =>
      using(open, async ({ runtime, request }) => {
        const wish = request("stays");
        const id = await runtime.create(wish, NEVER);
        expect(await runtime.inspect(id, NEVER)).not.toHaveProperty("run");
        await runtime.start(id, NEVER);
        const running = await runtime.inspect(id, NEVER);
        expect(running).toMatchObject({ state: "running", ports: [{ protocol: "tcp", targetPort: 8080 }] });
        expect(running.pid).toBeGreaterThan(0);
        expect(running.ports[0]?.hostPort).toBeGreaterThan(0);
        const [line] = await runtime.list(ownerLabels(wish.node.clusterId, wish.node.nodeId), NEVER);
        expect(running.run).toBeDefined();
        expect(line?.run).toBe(running.run);
        await runtime.start(id, NEVER);
        expect((await runtime.inspect(id, NEVER)).pid).toBe(running.pid);
      }));

    it("refuses an image that isn't there, and says so when it can't be pulled", () =>
      using(open, async ({ runtime, request, missingImage }) => {
        const wish = request("stays", { image: missingImage });
        await expect(refusal(runtime.create(wish, NEVER))).resolves.toBe("not_found");
        await expect(refusal(runtime.pull(missingImage, NEVER))).resolves.not.toBe("unavailable");
      }));

    it("refuses a host port that is taken", () =>
      using(open, async (fixture) => {
        const { runtime, request } = fixture;
        const hostPort = await fixture.freePort();
        await runtime.start(await runtime.create(request("stays", { hostPort }), NEVER), NEVER);
        const second = await runtime.create(request("stays", { hostPort }), NEVER);
        await expect(refusal(runtime.start(second, NEVER))).resolves.toBe("port_conflict");
        expect(await runtime.inspect(second, NEVER)).toMatchObject({ state: "created" });
      }));

    it("tells of a process that ends, and its exit code", () =>
      using(open, async (fixture) => {
        const { runtime } = fixture;
        const wish = fixture.request("fails with 3");
        const events = await listen(fixture, wish);
        const id = await runtime.create(wish, NEVER);
        await runtime.start(id, NEVER);
        await until(fixture, () => events.some((event) => event.action === "die"));
        const die = events.find((event) => event.action === "die");
        expect(die?.containerId).toBe(id);
        expect(die && taskOf(die)).toBe(wish.task.id);
        expect(await runtime.inspect(id, NEVER)).toMatchObject({ state: "exited", exitCode: 3, pid: 0, ports: [] });
      }));

    it("sends signals to what runs only", () =>
      using(open, async (fixture) => {
        const { runtime } = fixture;
        const id = await runtime.create(fixture.request("stays"), NEVER);
        await runtime.start(id, NEVER);
        // The process may not listen yet when the first signal comes.
        await until(fixture, async () => {
          await runtime.kill(id, "SIGTERM", NEVER).catch(() => undefined);
          return (await runtime.inspect(id, NEVER)).state === "exited";
        });
        await expect(refusal(runtime.kill(id, "SIGTERM", NEVER))).resolves.toBe("failed_precondition");
        await expect(refusal(runtime.kill("nobody", "SIGTERM", NEVER))).resolves.toBe("not_found");
      }));

    it("kills what ignores its stop signal", () =>
      using(open, async (fixture) => {
        const { runtime } = fixture;
        const id = await runtime.create(fixture.request("deaf"), NEVER);
        await runtime.start(id, NEVER);
        await runtime.kill(id, "SIGTERM", NEVER);
        await fixture.pass(100);
        expect((await runtime.inspect(id, NEVER)).state).toBe("running");
        await runtime.kill(id, "SIGKILL", NEVER);
        expect((await ends(fixture, id)).exitCode).toBe(137);
      }));

    it("removes a running container", () =>
      using(open, async (fixture) => {
        const { runtime } = fixture;
        const wish = fixture.request("stays");
        const events = await listen(fixture, wish);
        const id = await runtime.create(wish, NEVER);
        await runtime.start(id, NEVER);
        await runtime.remove(id, NEVER);
        await expect(refusal(runtime.inspect(id, NEVER))).resolves.toBe("not_found");
        await expect(refusal(runtime.remove(id, NEVER))).resolves.toBe("not_found");
        await until(fixture, () => events.some((event) => event.action === "destroy"));
      }));

    it("follows health checks", () =>
      using(open, async (fixture) => {
        const { runtime } = fixture;
        const wish = fixture.request("well");
        const events = await listen(fixture, wish);
        const id = await runtime.create(wish, NEVER);
        await runtime.start(id, NEVER);
        expect((await runtime.inspect(id, NEVER)).health).toBe("starting");
        await fixture.makeHealthy(id);
        await until(fixture, () => events.some((event) => event.action === "health_status: healthy"));
        expect((await runtime.inspect(id, NEVER)).health).toBe("healthy");
        const [line] = await runtime.list(ownerLabels(wish.node.clusterId, wish.node.nodeId), NEVER);
        expect(line).toMatchObject({ id, state: "running", health: "healthy" });
      }));

    it("ends a subscription with its signal", () =>
      using(open, async ({ runtime }) => {
        const abort = new AbortController();
        const events = await runtime.events({}, { signal: abort.signal });
        const end = drain(events, []);
        abort.abort(new Error("enough"));
        await end;
        await expect(runtime.ping({ signal: abort.signal })).rejects.toThrow();
      }));
  });
}

async function listen({ runtime }: RuntimeFixture, { node }: ContainerRequest): Promise<readonly ContainerEvent[]> {
  const seen: ContainerEvent[] = [];
  const events = await runtime.events(ownerLabels(node.clusterId, node.nodeId), NEVER);
  void drain(events, seen); // ends with the test's process; `drain` never rejects
  return seen;
}

async function drain(events: AsyncIterable<ContainerEvent>, into: ContainerEvent[]): Promise<void> {
  try {
    for await (const event of events) into.push(event);
  } catch {
    // an aborted stream may end with an error
  }
}

async function until(fixture: RuntimeFixture, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < 1_500; turns += 1) {
    if (await holds()) return;
    await fixture.pass(20);
  }
  throw new Error(`waited in vain for half a minute until ${String(holds)}`);
}

async function ends(fixture: RuntimeFixture, id: string): Promise<Container> {
  await until(fixture, async () => (await fixture.runtime.inspect(id, NEVER)).state === "exited");
  return fixture.runtime.inspect(id, NEVER);
}
