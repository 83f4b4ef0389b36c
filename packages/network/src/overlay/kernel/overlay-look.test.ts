import { codeOf } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { HOST } from "../kernel-object.ts";
import { SimulatedKernel } from "../simulated-kernel.ts";
import type { OverlayState } from "../state.ts";
import { FIXED_STATE, NETNS } from "../testing/fixed-state.ts";
import type { Kernel } from "./kernel.ts";
import { Overlay } from "./overlay.ts";

const WITHOUT_PORTS: OverlayState = { ...FIXED_STATE, ports: [] };

/** An overlay over a kernel in memory, and what holds up the reading of it. */
async function opened() {
  const state = new SimulatedKernel({
    bridges: () => new Map([["br-net", 1]]),
    containers: () => new Map([[NETNS, new Map([["br-net", "veth1"]])]]),
  });
  const gates: Promise<void>[] = [];
  let reads = 0;
  const kernel: Kernel = {
    read: async (scope) => {
      reads += 1;
      const held = state.read(scope);
      await gates.shift();
      return held;
    },
    readContainers: async (containers) => state.readContainers(containers),
    apply: async (batch) => batch.flatMap((phase) => phase.flatMap((steps) => state.apply(steps))),
    [Symbol.dispose]: () => {},
  };
  const overlay = new Overlay(kernel);
  await overlay.render(FIXED_STATE);
  reads = 0;
  return { overlay, state, gates, reads: () => reads };
}

describe("comparing the kernel with what was rendered", () => {
  it("holds no rendering up, and doesn't take for a difference what is changed meanwhile", async () => {
    const { overlay, gates, reads } = await opened();
    const gate = Promise.withResolvers<void>();
    gates.push(gate.promise);
    const found = overlay.difference();
    await new Promise(setImmediate);
    expect(reads()).toBe(1);
    expect((await overlay.render(WITHOUT_PORTS)).lines).toBeGreaterThan(0);
    gate.resolve();
    expect(await found).toEqual([]);
    expect(reads()).toBe(2);
  });

  it("comes to an end though something is changed all the time", async () => {
    const { overlay, gates, reads } = await opened();
    const all = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
    gates.push(...all.map(({ promise }) => promise));
    const found = overlay.difference();
    await new Promise(setImmediate);
    expect(reads()).toBe(1);
    for (const [at, gate] of all.entries()) {
      await overlay.render(at % 2 === 0 ? WITHOUT_PORTS : FIXED_STATE);
      gate.resolve();
      await new Promise(setImmediate);
    }
    expect(await found).toEqual([]);
    expect(reads()).toBe(4);
  });

  it("finds what somebody took away", async () => {
    const { overlay, state } = await opened();
    state.lose(HOST, "element live4 10.9.0.12");
    expect((await overlay.difference()).map(({ text }) => text)).toHaveLength(1);
    expect((await overlay.repair()).found).toHaveLength(1);
    expect(await overlay.difference()).toEqual([]);
  });

  it("is done one at a time, and refused when too many wait", async () => {
    const { overlay, gates, reads } = await opened();
    const gate = Promise.withResolvers<void>();
    gates.push(gate.promise);
    const all = Array.from({ length: 65 }, () => overlay.difference().catch((error: unknown) => codeOf(error)));
    await new Promise(setImmediate);
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
