import { codeOf } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOST } from "../kernel-object.ts";
import { SimulatedKernel } from "../simulated-kernel.ts";
import type { OverlayState } from "../state.ts";
import { FIXED_STATE, NETNS } from "../testing/fixed-state.ts";
import type { Kernel } from "./kernel.ts";
import { Overlay } from "./overlay.ts";

const WITHOUT_PORTS: OverlayState = { ...FIXED_STATE, ports: [] };
const WITHOUT_FAR: OverlayState = {
  ...WITHOUT_PORTS,
  tasks: FIXED_STATE.tasks.filter(({ netns }) => netns !== undefined),
  services: FIXED_STATE.services.map((service) => ({ ...service, endpoints: service.endpoints.slice(0, 1) })),
};
const STATES = [FIXED_STATE, WITHOUT_PORTS, WITHOUT_FAR, { ...FIXED_STATE, services: [] }];

/** An overlay over a kernel in memory, what holds up each reading of it, and what holds up each change of it half-way. */
async function opened() {
  const state = new SimulatedKernel({
    bridges: () => new Map([["br-net", 1]]),
    containers: () => new Map([[NETNS, new Map([["br-net", "veth1"]])]]),
  });
  const reading: Promise<void>[] = [];
  const changing: Promise<void>[] = [];
  let reads = 0;
  const kernel: Kernel = {
    // As the real one: the host first, then the containers.
    read: async (scope) => {
      reads += 1;
      const held = state.read({ ...scope, containers: new Map() });
      await reading.shift();
      const containers = state.readContainers(scope.containers);
      return { ...held, state: new Map([...held.state, ...containers.state]), ended: containers.ended };
    },
    readContainers: async (containers) => state.readContainers(containers),
    apply: async (batch) => {
      const problems = [];
      for (const phase of batch) {
        problems.push(...phase.flatMap((steps) => state.apply(steps)));
        await changing.shift();
      }
      return problems;
    },
    [Symbol.dispose]: () => {},
  };
  const overlay = new Overlay(kernel);
  await overlay.render(FIXED_STATE);
  reads = 0;
  return { overlay, state, reading, changing, reads: () => reads };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("comparing the kernel with what was rendered", () => {
  it("holds no rendering up, and doesn't take for a difference what is changed meanwhile", async () => {
    const { overlay, reading, reads } = await opened();
    const gate = Promise.withResolvers<void>();
    reading.push(gate.promise);
    const found = overlay.difference();
    await turn();
    expect(reads()).toBe(1);
    expect((await overlay.render(WITHOUT_FAR)).lines).toBeGreaterThan(0);
    gate.resolve();
    expect(await found).toEqual([]);
    expect(reads()).toBe(1);
  });

  it("reads nothing before what was under way has ended", async () => {
    const { overlay, changing, reads } = await opened();
    const gate = Promise.withResolvers<void>();
    changing.push(gate.promise);
    const rendered = overlay.render(WITHOUT_FAR);
    const found = overlay.difference();
    await turn();
    expect(reads()).toBe(0);
    gate.resolve();
    await rendered;
    expect(await found).toEqual([]);
    expect(reads()).toBe(1);
  });

  it("finds what somebody took away, and nothing else, whatever is changed meanwhile", async () => {
    const lost = "element live4 10.9.0.11";
    const step = fc.constantFrom("read" as const, "change" as const, ...STATES.keys());
    const steps = fc.array(step, { maxLength: 15 });
    const property = fc.asyncProperty(fc.boolean(), steps, steps, async (isLost, before, meanwhile) => {
      const { overlay, state, reading, changing } = await opened();
      // It is in each of the states, and none of them says anything new about it.
      if (isLost) state.lose(HOST, lost);
      const gates = { read: [] as (() => void)[], change: [] as (() => void)[] };
      const hold = (queue: Promise<void>[], opens: (() => void)[]): void => {
        const { promise, resolve } = Promise.withResolvers<void>();
        queue.push(promise);
        opens.push(resolve);
      };
      hold(reading, gates.read);
      for (let count = 0; count < 200; count += 1) hold(changing, gates.change);
      const work: Promise<unknown>[] = [];
      const act = async (one: (typeof before)[number]): Promise<void> => {
        if (typeof one === "number") work.push(overlay.render(STATES[one] ?? FIXED_STATE));
        else gates[one].shift()?.();
        await turn();
      };
      for (const one of before) await act(one);
      const found = overlay.difference();
      for (const one of meanwhile) await act(one);
      for (const open of [...gates.read, ...gates.change]) open();
      const texts = (await found).map(({ text }) => text);
      expect(texts).toEqual(isLost ? [expect.stringContaining("10.9.0.11")] : []);
      await Promise.all(work);
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it("finds what somebody took away", async () => {
    const { overlay, state } = await opened();
    state.lose(HOST, "element live4 10.9.0.12");
    expect((await overlay.difference()).map(({ text }) => text)).toHaveLength(1);
    expect((await overlay.repair()).found).toHaveLength(1);
    expect(await overlay.difference()).toEqual([]);
  });

  it("is done one at a time, and refused when too many wait", async () => {
    const { overlay, reading, reads } = await opened();
    const gate = Promise.withResolvers<void>();
    reading.push(gate.promise);
    const all = Array.from({ length: 65 }, () => overlay.difference().catch((error: unknown) => codeOf(error)));
    await turn();
    expect(reads()).toBe(1);
    gate.resolve();
    const answers = await Promise.all(all);
    expect(answers.filter((answer) => answer === "overloaded")).toHaveLength(1);
    expect(reads()).toBe(64);
  });

  it("is refused once the overlay is left as it is", async () => {
    const { overlay } = await opened();
    await overlay[Symbol.asyncDispose]();
    await expect(overlay.difference()).rejects.toMatchObject({ code: "cancelled" });
  });
});
