import { SeededRandom, type Random } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Operation } from "./history.ts";
import { checkLinearizable } from "./linearizable.ts";
import { registerModel, type RegisterInput, type RegisterOutput } from "./register-model.ts";
import { search } from "./search.ts";
import { isLinearizable } from "./testing/brute-force.ts";
import { ConcurrentClients } from "./testing/concurrent-clients.ts";

type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

/** Clients of real registers; few values, so that many orders are possible. */
function registers(options: {
  readonly random: Random;
  readonly operations: number;
  readonly clients: number;
  readonly registers: number;
  readonly values: number;
  readonly unknownRatio: number;
  readonly readsOfAll?: boolean;
}): ConcurrentClients<RegisterInput, RegisterOutput> {
  const { random, values, readsOfAll = false } = options;
  const state = new Map<string, number>();
  return new ConcurrentClients<RegisterInput, RegisterOutput>({
    ...options,
    choose: () => {
      const register = `r${String(random.below(options.registers))}`;
      const value = random.below(values);
      switch (random.below(readsOfAll ? 5 : 4)) {
        case 0:
          return { kind: "write", register, value };
        case 1:
          return { kind: "swap", register, from: random.below(values), to: value };
        case 4:
          return { kind: "read_all" };
        default:
          return { kind: "read", register };
      }
    },
    execute: (input) => {
      if (input.kind === "read_all") return { kind: "values", values: Object.fromEntries(state) };
      const value = state.get(input.register) ?? 0;
      if (input.kind === "read") return { kind: "value", value };
      if (input.kind === "swap" && value !== input.from) return { kind: "differs" };
      state.set(input.register, input.kind === "swap" ? input.to : input.value);
      return { kind: "done" };
    },
  });
}

/** An answer is changed into one that may be right or not. */
function spoilt(history: readonly RegisterOperation[], random: Random, values: number): readonly RegisterOperation[] {
  const at = random.below(history.length);
  return history.map((operation, place) => {
    const { ending } = operation;
    if (place !== at || ending.kind !== "returned") return operation;
    const value = random.below(values);
    const output: RegisterOutput =
      ending.output.kind === "value"
        ? { kind: "value", value }
        : ending.output.kind === "values"
          ? { kind: "values", values: { ...ending.output.values, r0: value } }
          : ending.output.kind === "done" && operation.input.kind === "swap"
            ? { kind: "differs" }
            : ending.output;
    return { ...operation, ending: { ...ending, output } };
  });
}

const write = (value: number): RegisterInput => ({ kind: "write", register: "x", value });
const read: RegisterInput = { kind: "read", register: "x" };
const is = (value: number): RegisterOutput => ({ kind: "value", value });
const done: RegisterOutput = { kind: "done" };

/** A history by hand: `[client, input, called, returned, output]`; no output is an unknown outcome. */
function by(...lines: readonly (readonly [string, RegisterInput, number, number, RegisterOutput?])[]) {
  return lines
    .map(([client, input, called, returned, output]): Omit<RegisterOperation, "number"> => {
      const at = { order: returned, atMs: returned };
      const ending =
        output === undefined ? { kind: "unknown" as const, at } : { kind: "returned" as const, output, at };
      return { client, input, called: { order: called, atMs: called }, ending };
    })
    .sort((left, right) => left.called.order - right.called.order)
    .map((operation, number): RegisterOperation => ({ ...operation, number }));
}

const check = (history: readonly RegisterOperation[]) => checkLinearizable(history, { model: registerModel });

describe("checkLinearizable", () => {
  it("accepts an empty history, and one of nothing but unknown outcomes", () => {
    expect(check([]).kind).toBe("ok");
    expect(check(by(["a", write(1), 1, 2], ["a", read, 3, 4])).kind).toBe("ok");
  });

  it("accepts both orders of writes that overlap, and only one for all readers", () => {
    const writes = [
      ["a", write(1), 1, 10, done],
      ["b", write(2), 2, 9, done],
    ] as const;
    expect(check(by(...writes, ["c", read, 11, 12, is(1)])).kind).toBe("ok");
    expect(check(by(...writes, ["c", read, 11, 12, is(2)])).kind).toBe("ok");
    expect(check(by(...writes, ["c", read, 11, 12, is(2)], ["d", read, 13, 14, is(1)])).kind).toBe("violation");
  });

  it("lets a write without an answer take effect late, once, or never", () => {
    const lost = ["a", write(1), 1, 2] as const;
    expect(check(by(lost, ["b", read, 50, 51, is(0)])).kind).toBe("ok");
    expect(check(by(lost, ["b", read, 50, 51, is(0)], ["b", read, 60, 61, is(1)])).kind).toBe("ok");
    const twice = [
      ["b", read, 50, 51, is(1)],
      ["b", write(2), 52, 53, done],
      ["b", read, 60, 61, is(1)],
    ] as const;
    expect(check(by(lost, ...twice)).kind).toBe("violation");
    expect(check(by(["b", read, 50, 51, is(1)], ["a", write(1), 52, 53])).kind).toBe("violation");
  });

  it("does not believe that what was not executed took effect", () => {
    const refused = by(["a", write(1), 1, 2, done], ["b", read, 3, 4, is(1)]).map((operation): RegisterOperation => {
      if (operation.client === "b") return operation;
      return { ...operation, ending: { kind: "not_executed", code: "no_leader", at: { order: 2, atMs: 2 } } };
    });
    expect(check(refused).kind).toBe("violation");
  });

  it("demands one moment of a read of all", () => {
    const on = (register: string, value: number): RegisterInput => ({ kind: "write", register, value });
    const all = (x: number, y: number): RegisterOutput => ({ kind: "values", values: { x, y } });
    const one = ["a", on("x", 1), 1, 2, done] as const;
    const other = ["a", on("y", 1), 3, 4, done] as const;
    const readAll = (output: RegisterOutput) => ["b", { kind: "read_all" }, 0, 9, output] as const;
    expect(check(by(one, other, readAll(all(1, 0)))).kind).toBe("ok");
    const torn = check(by(one, other, readAll(all(0, 1))));
    expect(torn).toMatchObject({ kind: "violation", object: undefined });
    const stranger = check(by(["b", { kind: "read_all" }, 1, 2, { kind: "values", values: { z: 1 } }]));
    expect(stranger).toMatchObject({ kind: "violation", object: "z" });
  });

  it("says why: the object, the longest beginning, what can't follow, and a line of time", () => {
    const verdict = check(
      by(["a", write(1), 1, 2, done], ["b", write(2), 3, 6, done], ["c", read, 7, 8, is(1)], ["d", write(7), 4, 5]),
    );
    if (verdict.kind !== "violation") throw new Error("must be a violation");
    expect(verdict.prefix.map(({ client }) => client)).toEqual(["a", "b"]);
    expect(verdict.stuck.map(({ client }) => client)).toEqual(["c"]);
    expect(verdict.explanation.split("\n").map((line) => line.trimEnd())).toEqual([
      "not linearizable: x",
      "after 2 operations that have an order, the state is: 2",
      "next must be one of these, and none can:",
      "  #3 c [7 ms, 8 ms] read x: 1",
      "around them:",
      '  |----|                           #0 a [1 ms, 2 ms] write x = 1: "done"',
      '            |----------|           #1 b [3 ms, 6 ms] write x = 2: "done"',
      "                  |--------------? #2 d [4 ms, 5 ms] write x = 7: ?",
      ">                           |----| #3 c [7 ms, 8 ms] read x: 1",
    ]);
  });

  it("gives up at its budget, and says so", () => {
    const clients = registers({ ...SMALL, random: new SeededRandom(1), operations: 200, unknownRatio: 0 });
    const verdict = checkLinearizable(clients.run(), { model: registerModel, stepsMax: 3 });
    expect(verdict.kind).toBe("undecided");
    expect(verdict.steps).toBeLessThanOrEqual(6);
  });
});

const SMALL = { clients: 4, registers: 2, values: 3, unknownRatio: 0.2, readsOfAll: true };

describe("the search, on random histories", () => {
  it("agrees with the definition on tiny histories, right and wrong", { timeout: 60_000 }, () => {
    const counts = { ok: 0, violation: 0 };
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 7 }), fc.boolean(), (seed, operations, spoil) => {
        const random = new SeededRandom(seed);
        const whole = registers({ ...SMALL, random, operations })
          .run()
          .slice(0, 7);
        const history = spoil ? spoilt(spoilt(whole, random, 3), random, 3) : whole;
        const expected = isLinearizable(history, registerModel) ? "ok" : "violation";
        counts[expected] += 1;
        expect(check(history).kind).toBe(expected);
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(counts.ok, counts.violation)).toBeGreaterThan(300);
  });

  it("gives an order that proves itself", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new SeededRandom(seed);
        const history = registers({ ...SMALL, random, operations: 60, registers: 1 }).run();
        const problem = { model: registerModel, objects: ["r0"], operations: history, stepsMax: 100_000 };
        const { kind, order } = search(problem);
        expect(kind).toBe("ok");
        expectOrder(order, history);
      }),
      { numRuns: 200 },
    );
  });

  it.each([1_000, 5_000])("accepts %i operations of ten clients, a tenth of unknown outcome", (operations) => {
    for (let seed = 0; seed < 5; seed += 1) {
      const options = { clients: 10, registers: 5, values: 5, unknownRatio: 0.1 };
      const history = registers({ ...options, random: new SeededRandom(seed), operations }).run();
      expect(checkLinearizable(history, { model: registerModel }).kind).toBe("ok");
    }
  });
});

/** Every answered operation is in the order once, after all that it had to wait for, and answered as the model says. */
function expectOrder(order: readonly RegisterOperation[], history: readonly RegisterOperation[]): void {
  expect(new Set(order).size).toBe(order.length);
  const answered = history.filter(({ ending }) => ending.kind === "returned");
  for (const operation of answered) expect(order).toContain(operation);
  let state = 0;
  let latestCall = 0;
  for (const { input, ending, called } of order) {
    const output = ending.kind === "returned" ? ending.output : undefined;
    if (ending.kind === "returned") expect(ending.at.order).toBeGreaterThan(latestCall);
    latestCall = Math.max(latestCall, called.order);
    const next = registerModel.step(state, { object: "r0", input, output });
    if (next === undefined) throw new Error("the model does not accept the order");
    state = next;
  }
}
