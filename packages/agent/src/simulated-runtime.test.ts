import { codeOf, ManualClock, SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { Abortable, ContainerRequest } from "./ports.ts";
import { runtimeContract, type Behaviour } from "./runtime-contract.ts";
import { SAMPLE_NODE, sampleTask } from "./testing/sample-task.ts";
import type { Program } from "./simulated-container.ts";
import { SimulatedRuntime } from "./simulated-runtime.ts";

const PROGRAMS: Record<Behaviour, Program> = {
  stays: { stopAfterMs: 10 },
  "fails with 3": { exitAfterMs: 50, exitCode: 3 },
  deaf: {},
  well: { stopAfterMs: 10, healthyAfterMs: 100 },
};
const NEVER: Abortable = { signal: new AbortController().signal };

const simulated = (): { runtime: SimulatedRuntime; clock: ManualClock; programs: Map<string, Program> } => {
  const clock = new ManualClock();
  const programs = new Map<string, Program>();
  const runtime = new SimulatedRuntime({
    clock,
    random: new SeededRandom(1),
    images: ["web:1"],
    program: ({ task }) => programs.get(task.id) ?? { stopAfterMs: 0 },
  });
  return { runtime, clock, programs };
};

runtimeContract("the simulated engine", () => {
  const { runtime, clock, programs } = simulated();
  let number = 0;
  return Promise.resolve({
    runtime,
    missingImage: "nowhere:1",
    request: (behaviour, { image = "web:1", hostPort } = {}): ContainerRequest => {
      const port = { protocol: "tcp", targetPort: 8080, publishedPort: hostPort ?? 80 } as const;
      const mode = hostPort === undefined ? "ingress" : "host";
      const task = sampleTask((number += 1), { container: { image }, endpointPorts: [{ ...port, mode }] });
      programs.set(task.id, PROGRAMS[behaviour]);
      return { task, node: SAMPLE_NODE, image };
    },
    pass: (ms) => clock.advance(ms),
    close: () => Promise.resolve(),
  });
});

describe("the simulated engine", () => {
  const request: ContainerRequest = { task: sampleTask(1), node: SAMPLE_NODE, image: "web:1" };

  it("carries on with a call whose caller has left", async () => {
    const { runtime, clock } = simulated();
    const abort = new AbortController();
    runtime.hang();
    const call = runtime.create(request, { signal: abort.signal });
    abort.abort(new Error("too slow"));
    await expect(call).rejects.toThrow("too slow");
    expect(runtime.containers()).toHaveLength(0);
    runtime.wake();
    await clock.advance(0);
    expect(runtime.containers()).toHaveLength(1);
  });

  it("takes its containers down with it, and ends every subscription", async () => {
    const { runtime } = simulated();
    const id = await runtime.create(request, NEVER);
    await runtime.start(id, NEVER);
    const events = await runtime.events({}, NEVER);
    runtime.shutDown();
    const seen = [];
    for await (const event of events) seen.push(event.action);
    expect(seen).toEqual(["die"]);
    await expect(runtime.ping(NEVER).catch(codeOf)).resolves.toBe("unavailable");
    runtime.boot();
    expect(await runtime.inspect(id, NEVER)).toMatchObject({ state: "exited", exitCode: 137 });
  });

  it("can have an effect without an answer", async () => {
    const { runtime } = simulated();
    runtime.faults.answersLost = 1;
    await expect(runtime.create(request, NEVER).catch(codeOf)).resolves.toBe("unavailable");
    expect(runtime.containers()).toHaveLength(1);
  });
});
