import * as fc from "fast-check";
import { partsOf, type DataPlaneKind, type EndpointPart, type EndpointTable } from "@murmur/model";
import type { Watch } from "@murmur/store";
import { expect, it } from "vitest";
import { EndpointCopy } from "../../agent/src/endpoint-copy.ts";
import { EndpointComputer } from "./endpoint-computer.ts";
import { endpointTable } from "./endpoint-table.ts";
import { action, running, type EndpointWorld } from "./testing/endpoint-world.ts";

const MANAGERS = 3;
/** So small that most changes come in several parts. */
const PART_BYTES = 200;

/** A replica of the state with its computer; several follow one history, each looking when it likes. */
class Manager {
  readonly #world: EndpointWorld;
  readonly #limit: number;
  #watch: Watch;
  #computer: EndpointComputer;

  constructor(world: EndpointWorld, limit: number) {
    this.#world = world;
    this.#limit = limit;
    this.#watch = world.store.watch({ limit });
    this.#computer = new EndpointComputer(world.store.view, 4);
  }

  look(): void {
    this.#computer.update(this.#watch.drain());
  }

  restart(): void {
    this.#watch.close();
    this.#watch = this.#world.store.watch({ limit: this.#limit });
    this.#computer = new EndpointComputer(this.#world.store.view, 4);
  }

  partsSince(version: number): readonly EndpointPart[] {
    return partsOf(this.#computer.changesSince(version), PART_BYTES);
  }
}

/** An agent's copy, and the session that it is kept up on. */
class Agent {
  copy = new EndpointCopy();
  #manager: Manager | undefined;
  #sent = 0;
  #way: EndpointPart[] = [];
  lost = 0;
  /** How often it had to ask for everything. */
  gaps = 0;

  connect(manager: Manager): void {
    manager.look();
    this.#manager = manager;
    this.#sent = this.copy.base;
    this.copy.begin();
    this.#way = [];
    this.send();
  }

  /** The manager sends what is new to it. */
  send(): void {
    if (this.#manager === undefined) return;
    this.#manager.look();
    const parts = this.#manager.partsSince(this.#sent);
    this.#sent = parts.at(-1)?.version ?? this.#sent;
    this.#way.push(...parts);
  }

  /** So many of the parts on the way arrive. */
  hear(count: number): void {
    for (const part of this.#way.splice(0, count)) {
      if (this.copy.take(part) === "taken") continue;
      this.gaps += 1;
      this.#sent = 0;
      this.send();
    }
  }

  /** The process ends; what it had is on its disk. */
  restart(): void {
    const { table } = this.copy;
    this.copy = new EndpointCopy();
    if (table !== undefined) this.copy.restore(table);
    this.#manager = undefined;
    this.#way = [];
  }

  /** A part is lost on its way, as no transport should let it be. */
  lose(): void {
    this.lost += this.#way.shift() === undefined ? 0 : 1;
  }
}

type Step = (world: EndpointWorld, managers: readonly Manager[], agent: Agent) => void;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: action.map(
      (act): Step =>
        (world) =>
          act(world),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(5).map(
      (count): Step =>
        (_world, _managers, agent) =>
          agent.hear(count),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Step>((_world, _managers, agent) => agent.send()) },
  {
    weight: 2,
    arbitrary: fc.nat(MANAGERS - 1).map((at): Step => (_world, managers, agent) => {
      const manager = managers[at];
      if (manager !== undefined) agent.connect(manager);
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(MANAGERS - 1).map(
      (at): Step =>
        (_world, managers) =>
          managers[at]?.look(),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((_world, _managers, agent) => agent.restart()) },
  { weight: 1, arbitrary: fc.constant<Step>((_world, _managers, agent) => agent.lose()) },
);

it("leaves a copy as the whole table is, whatever was lost and from whomever it came", () => {
  const plane = fc.constantFrom<DataPlaneKind[]>("ports", "overlay");
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 10, maxLength: 60 }),
      fc.constantFrom(2, 1_000),
      plane,
      (steps, limit, dataPlane) => {
        const world = running({}, dataPlane);
        const truths = new Map<number, EndpointTable>();
        const note = (): void => {
          truths.set(world.store.view.version, endpointTable(world.store.view));
        };
        const managers = Array.from({ length: MANAGERS }, () => new Manager(world, limit));
        const agent = new Agent();
        note();
        for (const happen of steps) {
          const before = agent.copy.table?.version ?? 0;
          happen(world, managers, agent);
          note();
          const { table } = agent.copy;
          if (table === undefined) continue;
          expect(table.version).toBeGreaterThanOrEqual(before);
          expect(table).toEqual(truths.get(table.version));
        }
        const [last] = managers;
        if (last !== undefined) agent.connect(last);
        agent.hear(Number.POSITIVE_INFINITY);
        agent.hear(Number.POSITIVE_INFINITY);
        expect(agent.copy.table).toEqual(endpointTable(world.store.view));
        if (agent.lost === 0) expect(agent.gaps).toBe(0);
      },
    ),
    { numRuns: Number(process.env["CHANGE_RUNS"] ?? 500) },
  );
});
