import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOST, type KernelState } from "./kernel-object.ts";
import { planExits } from "./plan/plan-container.ts";
import { plan } from "./plan/plan.ts";
import { difference } from "./render/difference.ts";
import { render } from "./render/render.ts";
import { SimulatedKernel } from "./simulated-kernel.ts";
import type { OverlayState } from "./state.ts";
import { FIXED_STATE, NETNS } from "./testing/fixed-state.ts";
import { anyState } from "./testing/state-arbitrary.ts";

const FACTS = { dockerFilters: [4 as const] };
const NOTHING: KernelState = new Map();

/** An engine that has what a state says. */
class Engine {
  state: OverlayState;
  /** Another number: other bridges of the same names. */
  made = 0;
  constructor(state: OverlayState) {
    this.state = state;
  }
  bridges(): ReadonlyMap<string, unknown> {
    return new Map(this.state.networks.map(({ bridge }) => [bridge, this.made]));
  }
  containers(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    const running = this.state.tasks.flatMap(({ netns, attachments }) => {
      const ports = attachments.flatMap(({ networkId, port }) =>
        port === undefined ? [] : [[networkId, port] as const],
      );
      return netns === undefined ? [] : [[netns, new Map<string, string>(ports)] as const];
    });
    return new Map(running);
  }
}

const scopeOf = (state: OverlayState) => ({
  bridges: new Set(state.networks.map(({ bridge }) => bridge)),
  ports: new Set(state.tasks.flatMap(({ attachments }) => attachments.flatMap(({ port }) => port ?? []))),
  containers: new Map(
    state.tasks.flatMap(({ netns, attachments }) => {
      const exits = planExits(
        attachments.map(({ networkId }) => networkId),
        state,
      );
      return netns === undefined ? [] : [[netns, exits.map(({ family }) => family)] as const];
    }),
  ),
});

/** What the tools said against it. */
const apply = (kernel: SimulatedKernel, from: KernelState, to: KernelState): readonly string[] =>
  render(from, to).flatMap((phase) => phase.flatMap((steps) => kernel.apply(steps).map(({ text }) => text)));

/** A kernel that holds the fixed state. */
function fixed(): {
  readonly kernel: SimulatedKernel;
  readonly engine: Engine;
  readonly found: () => readonly string[];
} {
  const engine = new Engine(FIXED_STATE);
  const kernel = new SimulatedKernel(engine);
  const wanted = plan(FIXED_STATE, FACTS);
  expect(apply(kernel, NOTHING, wanted)).toEqual([]);
  const found = (): readonly string[] =>
    difference(wanted, kernel.read(scopeOf(FIXED_STATE)).state).map(({ text }) => text);
  return { kernel, engine, found };
}

describe("a simulated kernel", () => {
  it("holds what it was told, in the words of the plan, whatever it held before", () => {
    fc.assert(
      fc.property(anyState, anyState, (before, after) => {
        const engine = new Engine(before);
        const kernel = new SimulatedKernel(engine);
        const [from, to] = [plan(before, FACTS), plan(after, FACTS)];
        expect(apply(kernel, NOTHING, from)).toEqual([]);
        expect(difference(from, kernel.read(scopeOf(before)).state)).toEqual([]);
        // The engine has the bridges and containers of both for as long as the change takes.
        engine.state = {
          ...after,
          networks: [...after.networks, ...before.networks],
          tasks: [...before.tasks, ...after.tasks],
        };
        const held = kernel.read(scopeOf(after)).state;
        expect(apply(kernel, held, to)).toEqual([]);
        expect(difference(to, kernel.read(scopeOf(after)).state)).toEqual([]);
      }),
    );
  });

  it("loses with a bridge what hung on it, and with a container what was in it", () => {
    const { engine, found } = fixed();
    expect(found()).toEqual([]);
    engine.made += 1;
    const lost = found();
    expect(lost).toContain("the address 10.9.0.251 of bridge br-net is missing");
    expect(lost).toContain("the bridge's entry of 02:42:0a:09:00:0c on murmur-4097 is missing");
    expect(lost.some((text) => text.includes("in bridge  ("))).toBe(true);
    engine.state = { ...FIXED_STATE, tasks: [] };
    expect(found()).toContain(`container ${NETNS}: its network namespace can't be entered`);
  });

  it("loses all with its host's power, and what somebody takes away with what lives in it", () => {
    const { kernel, found } = fixed();
    kernel.lose(HOST, "table");
    expect(found()).toContain("the nftables table inet murmur is missing");
    expect(found().some((text) => text.startsWith("the entry 17 . 53"))).toBe(true);
    kernel.reset();
    expect([...kernel.held().values()].every(({ size }) => size === 0)).toBe(true);
  });

  it("refuses what the tools refuse, and a transaction as a whole", () => {
    const { kernel, found } = fixed();
    const entry = "10.9.0.2 : goto vip4_10.9.0.2";
    const lines = ["add element inet murmur any4 { 6 . 1 : goto nowhere }"];
    const twice = ["flush chain inet murmur vip4_10.9.0.2", `add element inet murmur vip4 { ${entry} }`];
    expect(kernel.apply({ place: HOST, steps: [{ tool: "nft", lines }] })).toHaveLength(1);
    expect(kernel.apply({ place: NETNS, steps: [{ tool: "nft", lines: twice }] })).toHaveLength(1);
    const nowhere = { tool: "bridge", lines: ["fdb replace 02:42:0a:09:00:0c dev murmur-1 master static"] } as const;
    expect(kernel.apply({ place: HOST, steps: [nowhere] })).toEqual([
      {
        place: HOST,
        text: "bridge fdb replace 02:42:0a:09:00:0c dev murmur-1 master static: Cannot find device",
        hasEnded: false,
      },
    ]);
    expect(kernel.apply({ place: "/gone", steps: [nowhere] })).toMatchObject([{ place: "/gone", hasEnded: true }]);
    expect(found()).toEqual([]);
  });
});
