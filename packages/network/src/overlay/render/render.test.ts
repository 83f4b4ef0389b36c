import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Family } from "../address.ts";
import { HOST, type KernelObject, type KernelState } from "../kernel-object.ts";
import { plan } from "../plan/plan.ts";
import type { OverlayState } from "../state.ts";
import { ModelKernel } from "../testing/model-kernel.ts";
import { anyState } from "../testing/state-arbitrary.ts";
import { difference } from "./difference.ts";
import { render } from "./render.ts";

const NOTHING: KernelState = new Map();
const docker = fc.constantFrom<{ dockerFilters: Family[] }>({ dockerFilters: [] }, { dockerFilters: [4, 6] });
/** What of `dump` a state has a say in. */
const lastingOf = (state: OverlayState, planned: KernelState) => ({
  bridges: new Set(state.networks.map(({ bridge }) => bridge)),
  exits: new Set(
    [...planned].flatMap(([place, objects]) =>
      ([4, 6] as const)
        .filter((family) => objects.has(`exit ${String(family)}`))
        .map((family) => `${place} ${family === 4 ? "ip" : "ip6"}`),
    ),
  ),
});

/** Some of a state, of the same objects; now and then with a device that has to be made anew. */
function partOf(state: OverlayState, isChosen: () => boolean): OverlayState {
  const tasks = state.tasks.filter(isChosen);
  const here = new Set(tasks.map(({ id }) => id));
  const chosen = (endpoints: OverlayState["services"][number]["endpoints"]) =>
    endpoints.filter((id) => here.has(id) && isChosen());
  const networks = state.networks.map((network) => (isChosen() || isChosen() ? network : { ...network, mtu: 1_000 }));
  return {
    ...state,
    networks,
    tasks,
    services: state.services.filter(isChosen).map((service) => ({ ...service, endpoints: chosen(service.endpoints) })),
    ports: state.ports.filter(isChosen).map((port) => ({ ...port, endpoints: chosen(port.endpoints) })),
  };
}

/** The same state, about whose parts nothing is known. */
const flat = (state: KernelState): KernelState =>
  new Map([...state].map(([place, objects]) => [place, new Map(objects)]));

/** Takes an object away, and what lives in it. */
function lose(host: Map<string, KernelObject>, key: string): void {
  host.delete(key);
  const device = /^vxlan (\S+)$/.exec(key)?.[1];
  for (const held of host.keys()) {
    const isInside = key === "table" && /^(?:element|chain) /.test(held);
    if (isInside || (device !== undefined && held.includes(` ${device} `))) host.delete(held);
  }
}

describe("render", () => {
  it("makes one state of any other, as if it had been made from nothing", () => {
    fc.assert(
      fc.property(anyState, anyState, docker, docker, (before, after, factsBefore, factsAfter) => {
        const [from, to] = [plan(before, factsBefore), plan(after, factsAfter)];
        const [changed, fresh] = [new ModelKernel(), new ModelKernel()];
        changed.apply(render(NOTHING, from));
        changed.apply(render(from, to));
        fresh.apply(render(NOTHING, to));
        const lasting = lastingOf(after, to);
        expect(changed.dump(lasting)).toEqual(fresh.dump(lasting));
      }),
      { numRuns: 300 },
    );
  });

  it("does nothing for a state that is there, whatever the order of its lists", () => {
    fc.assert(
      fc.property(anyState, docker, (state, facts) => {
        const { networks, tasks, services, ports } = state;
        const turned = {
          ...state,
          networks: networks.map((network) => ({ ...network, nodes: network.nodes.toReversed() })).toReversed(),
          // A task's attachments have an order.
          tasks: tasks.toReversed(),
          services: services.map((service) => ({ ...service, endpoints: service.endpoints.toReversed() })).toReversed(),
          ports: ports.map((port) => ({ ...port, endpoints: port.endpoints.toReversed() })).toReversed(),
        };
        const [wanted, same] = [plan(state, facts), plan(turned, facts)];
        expect(render(wanted, same)).toEqual([]);
        expect(difference(wanted, same)).toEqual([]);
        expect(render(NOTHING, wanted)).toEqual(render(NOTHING, same));
      }),
    );
  });

  it("does for two states that have much in common what it does for any two", () => {
    fc.assert(
      fc.property(anyState, docker, fc.infiniteStream(fc.nat({ max: 9 })), (state, facts, chances) => {
        const isChosen = (): boolean => Number(chances.next().value) > 2;
        const [before, after] = [partOf(state, isChosen), partOf(state, isChosen)];
        const [from, to] = [plan(before, facts), plan(after, facts)];
        expect(render(from, to)).toEqual(render(flat(from), flat(to)));
      }),
      { numRuns: 500 },
    );
  });

  it("leaves nothing of a state", () => {
    fc.assert(
      fc.property(anyState, docker, (state, facts) => {
        const wanted = plan(state, facts);
        const kernel = new ModelKernel();
        kernel.apply(render(NOTHING, wanted));
        kernel.apply(render(wanted, NOTHING));
        expect(kernel.dump({ bridges: new Set(), exits: new Set() })).toEqual([]);
      }),
    );
  });

  it("never lets new flows go where the host has no way to", () => {
    fc.assert(
      fc.property(anyState, anyState, docker, (before, after, facts) => {
        const [from, to] = [plan(before, facts), plan(after, facts)];
        const kernel = new ModelKernel();
        const expectReachable = (): void => {
          for (const address of kernel.chosen()) expect(kernel.reaches(address), address).toBe(true);
        };
        kernel.apply(render(NOTHING, from));
        expectReachable();
        const batch = render(from, to);
        // A segment that has to be made anew has no entries for a moment: only then the first phase may lack some.
        const isRemade = batch[0]?.some(({ steps }) =>
          steps.some(({ lines }) => lines.some((line) => line.startsWith("link delete"))),
        );
        kernel.apply(batch, isRemade === true ? undefined : expectReachable);
        expectReachable();
      }),
    );
  });

  it("finds a difference exactly where there is something to do", () => {
    fc.assert(
      fc.property(anyState, anyState, (before, after) => {
        const facts = { dockerFilters: [] };
        const [held, wanted] = [plan(before, facts), plan(after, facts)];
        // The engine's bridges aren't removed, and are told apart by that.
        const bridges = difference(wanted, held).filter(({ text }) => /^the bridge \S+ with/.test(text));
        const others = difference(wanted, held).length - bridges.length;
        if (others > 0) expect(render(held, wanted)).not.toEqual([]);
        if (others + bridges.length === 0) expect(render(held, wanted)).toEqual([]);
      }),
    );
  });

  it("mends any loss, alteration and addition in what the kernel holds", () => {
    fc.assert(
      fc.property(anyState, anyState, fc.array(fc.nat(), { maxLength: 8 }), (state, other, lost) => {
        const facts = { dockerFilters: [] };
        const wanted = plan(state, facts);
        // Somebody took some objects away; those that live in another go with it.
        const host = new Map(wanted.get(HOST));
        const keys = [...host.keys()].filter((key) => !key.startsWith("chain"));
        for (const number of lost) {
          const key = keys[number % keys.length] ?? "";
          if (key === "table" && number % 2 === 0) host.set(key, { kind: "table", form: "altered" });
          else lose(host, key);
        }
        const held = new Map([...wanted, [HOST, host]]);
        const [mended, fresh] = [new ModelKernel(), new ModelKernel()];
        mended.apply(render(NOTHING, plan(other, facts)));
        mended.apply(render(plan(other, facts), held));
        mended.apply(render(held, wanted));
        fresh.apply(render(NOTHING, wanted));
        const lasting = lastingOf(state, wanted);
        expect(mended.dump(lasting)).toEqual(fresh.dump(lasting));
      }),
    );
  });
});
