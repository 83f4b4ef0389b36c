import { codeOf, ManualClock, SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { Abortable, ContainerRequest } from "./ports.ts";
import { networkContract } from "./network-contract.ts";
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
    freePort: () => Promise.resolve(47_373),
    // With time.
    makeHealthy: () => Promise.resolve(),
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

networkContract("the simulated engine", () => {
  const { runtime, clock } = simulated();
  const labels = { "murmur.cluster.id": "test" };
  let number = 0;
  return Promise.resolve({
    runtime,
    labels,
    network: (index) => ({
      name: `murmur.${String(index)}`,
      labels,
      bridge: `mm${String(index)}`,
      ipv4: {
        subnet: `10.64.${String(index)}.0/24`,
        gateway: `10.64.${String(index)}.1`,
        range: `10.64.${String(index)}.128/29`,
      },
      mtu: 1450,
      internal: false,
    }),
    place: ({ name, ipv4 }, host) => {
      const address = ipv4.gateway.replace(/1$/, String(host));
      return { name, ipv4: address, mac: "02:42:00:00:00:01" };
    },
    request: (attached) => ({
      task: sampleTask((number += 1), { endpointPorts: [] }),
      node: { ...SAMPLE_NODE, dataPlane: "overlay" },
      image: "web:1",
      networks: { attached },
    }),
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

  it("counts addresses that two containers were to have", async () => {
    const { runtime } = simulated();
    const ipv4 = { subnet: "10.64.1.0/24", gateway: "10.64.1.1", range: "10.64.1.1/32" };
    await runtime.ensureNetwork({ name: "a", labels: {}, bridge: "mma", ipv4, mtu: 1450, internal: false }, NEVER);
    const networks = { attached: [{ name: "a", ipv4: "10.64.1.1", mac: "" }] };
    const id = await runtime.create({ ...request, networks }, NEVER);
    expect(runtime.addressConflicts).toBe(0);
    await expect(runtime.start(id, NEVER)).rejects.toThrow("Address already in use: 10.64.1.1 in a");
    expect(runtime.addressConflicts).toBe(1);
    const elsewhere = { attached: [{ name: "b", ipv4: "10.64.2.9", mac: "" }] };
    const other = { task: sampleTask(2), node: SAMPLE_NODE, image: "web:1", networks: elsewhere };
    await expect(runtime.create(other, NEVER).catch(codeOf)).resolves.toBe("unavailable");
  });

  it("can have an effect without an answer", async () => {
    const { runtime } = simulated();
    runtime.faults.answersLost = 1;
    await expect(runtime.create(request, NEVER).catch(codeOf)).resolves.toBe("unavailable");
    expect(runtime.containers()).toHaveLength(1);
  });
});
