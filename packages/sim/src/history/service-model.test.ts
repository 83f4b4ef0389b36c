import { SeededRandom, type Random } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkServices } from "./check-api.ts";
import { HistoryRecorder, type Operation } from "./history.ts";
import { checkLinearizable } from "./linearizable.ts";
import { serviceModel, type ServiceInput, type ServiceOutput } from "./service-model.ts";
import { BAD_STORIES, GOOD_STORY, type Story } from "./testing/bad-stories.ts";
import { isLinearizable } from "./testing/brute-force.ts";
import { ConcurrentClients } from "./testing/concurrent-clients.ts";
import { chooseServiceInput, ServiceTable } from "./testing/service-table.ts";
import { StoreTable } from "./testing/store-table.ts";
import { withoutUnseenCreates } from "./unseen-creates.ts";
import type { Writers } from "./version-belief.ts";

type ServiceOperation = Operation<ServiceInput, ServiceOutput>;

interface WorldOptions {
  readonly random: Random;
  readonly operations: number;
  readonly clients?: number;
  readonly names?: number;
  readonly unknownRatio?: number;
  readonly lists?: boolean;
  readonly writers?: Writers;
  readonly table?: Pick<ServiceTable, "execute" | "list" | "touch">;
}

function clientsOf(options: WorldOptions): ConcurrentClients<ServiceInput, ServiceOutput> {
  const { random, operations, clients = 10, names = 12, unknownRatio = 0.05, lists = true } = options;
  const { writers = "others_too", table = new ServiceTable() } = options;
  return new ConcurrentClients<ServiceInput, ServiceOutput>({
    random,
    clients,
    operations,
    unknownRatio,
    choose: () => chooseServiceInput({ random, names, lists, known: () => table.list() }),
    execute: (input) => table.execute(input),
    ...(writers === "others_too" && { meanwhile: () => void (random.below(10) === 0 && table.touch(random)) }),
  });
}

/** A story, told while ten clients of a good system go on. Their own lists would not show its service: they ask none. */
function hidden(story: Story, random: Random, operations: number): readonly ServiceOperation[] {
  const table = new ServiceTable();
  const clients = clientsOf({ random, operations, table, lists: false });
  const before = random.below(operations);
  while (clients.recorder.size < before) clients.step(true);
  const steps = story({
    call: (client, input) => clients.recorder.call(client, input),
    nextVersion: () => table.nextIndex(),
    others: () => table.list(),
  });
  while (steps.next().done !== true) for (let left = random.below(20); left > 0; left -= 1) clients.step(true);
  return clients.run();
}

function alone(story: Story): readonly ServiceOperation[] {
  const recorder = new HistoryRecorder<ServiceInput, ServiceOutput>({ limit: 20, now: () => 0 });
  let index = 0;
  const steps = story({
    call: (client, input) => recorder.call(client, input),
    nextVersion: () => (index += 1),
    others: () => [],
  });
  while (steps.next().done !== true);
  return recorder.history();
}

describe("good histories of services", () => {
  it.each<[number, Writers]>([
    [1_000, "others_too"],
    [1_000, "clients_only"],
    [5_000, "others_too"],
    [5_000, "clients_only"],
  ])("%i operations, versions changed by %s", { timeout: 60_000 }, (operations, writers) => {
    for (let seed = 0; seed < 3; seed += 1) {
      const history = clientsOf({ random: new SeededRandom(seed), operations, writers }).run();
      const verdict = checkServices(history, { writers });
      expect(verdict).toMatchObject({ kind: "ok" });
    }
  });

  it("are accepted whatever the shape of the load", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        fc.boolean(),
        fc.constantFrom<Writers>("clients_only", "others_too"),
        (seed, clients, names, unknownRatio, lists, writers) => {
          const random = new SeededRandom(seed);
          const options = { random, operations: 300, clients, names, unknownRatio, lists, writers };
          expect(checkServices(clientsOf(options).run(), { writers })).toMatchObject({ kind: "ok" });
        },
      ),
      { numRuns: 150 },
    );
  });

  it("are those of the store itself", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom<Writers>("clients_only", "others_too"), (seed, writers) => {
        const options = { random: new SeededRandom(seed), operations: 300, writers, table: new StoreTable() };
        expect(checkServices(clientsOf(options).run(), { writers })).toMatchObject({ kind: "ok" });
      }),
      { numRuns: 40 },
    );
  });

  it("need no versions in the answers of writes", () => {
    const history = clientsOf({ random: new SeededRandom(7), operations: 1_000 }).run();
    const silent = history.map((operation): ServiceOperation => {
      const { ending } = operation;
      if (ending.kind !== "returned" || ending.output.kind !== "done") return operation;
      return { ...operation, ending: { ...ending, output: { kind: "done" } } };
    });
    expect(checkServices(silent)).toMatchObject({ kind: "ok" });
  });
});

describe("bad histories of services", () => {
  const stories = Object.entries(BAD_STORIES);

  it.each(stories)("%s, alone", (_, story) => {
    const history = alone(story);
    const verdict = checkLinearizable(history, { model: serviceModel("clients_only") });
    expect(verdict).toMatchObject({ kind: "violation", object: "victim" });
    expect(isLinearizable(history, serviceModel("clients_only"))).toBe(false);
  });

  it.each(stories)("%s, while others write too", (_, story) => {
    const history = alone(story);
    expect(checkServices(history)).toMatchObject({ kind: "violation" });
    expect(isLinearizable(history, serviceModel("others_too"))).toBe(false);
  });

  it.each(stories)("%s, among 1,500 good operations", { timeout: 60_000 }, (_, story) => {
    for (let seed = 0; seed < 3; seed += 1) {
      const history = hidden(story, new SeededRandom(seed), 1_500);
      expect(history.length).toBeGreaterThanOrEqual(1_500);
      const verdict = checkLinearizable(history, { model: serviceModel("others_too") });
      expect(verdict).toMatchObject({ kind: "violation", object: "victim" });
      if (verdict.kind !== "violation") continue;
      expect(verdict.stuck.length).toBeGreaterThan(0);
      expect(verdict.stuck.every(({ client }) => client === "x" || client === "y")).toBe(true);
      expect(verdict.explanation).toContain("not linearizable: victim");
    }
  });

  it("are bad by the story, not by its company", { timeout: 60_000 }, () => {
    for (let seed = 0; seed < 5; seed += 1) {
      const history = hidden(GOOD_STORY, new SeededRandom(seed), 1_500);
      expect(checkServices(history)).toMatchObject({ kind: "ok" });
    }
  });

  it("are found by one entry that is missing in one list of 1,000 operations", { timeout: 60_000 }, () => {
    for (let seed = 0; seed < 10; seed += 1) {
      const random = new SeededRandom(seed);
      const history = clientsOf({ random, operations: 1_000, unknownRatio: 0 }).run();
      const settled = history.map((operation, at) => ({ operation, missing: settledEntry(history, at) }));
      const lists = settled.filter(({ missing }) => missing !== undefined);
      const chosen = lists[random.below(lists.length)];
      if (chosen === undefined) throw new Error("no list has an entry that nobody writes meanwhile");
      const spoiltHistory = history.map((operation): ServiceOperation => {
        if (operation !== chosen.operation || operation.ending.kind !== "returned") return operation;
        const { output } = operation.ending;
        if (output.kind !== "services") return operation;
        const services = output.services.filter(({ name }) => name !== chosen.missing);
        return { ...operation, ending: { ...operation.ending, output: { kind: "services", services } } };
      });
      expect(checkServices(spoiltHistory)).toMatchObject({ kind: "violation" });
    }
  });
});

describe("creates that nobody saw anything of", () => {
  const create = (id: string): ServiceInput => ({ kind: "create", name: "s", id, spec: id });
  const conflict: ServiceOutput = { kind: "refused", code: "name_conflict" };

  it("are left out, unless they explain a refusal", () => {
    const recorder = new HistoryRecorder<ServiceInput, ServiceOutput>({ limit: 10, now: () => 0 });
    recorder.call("a", create("unseen")).unknown("timeout");
    expect(withoutUnseenCreates(recorder.history())).toEqual([]);
    const refused = recorder.call("b", create("other"));
    refused.returned(conflict);
    expect(withoutUnseenCreates(recorder.history())).toHaveLength(2);
    expect(checkServices(recorder.history())).toMatchObject({ kind: "ok" });
  });

  it("are kept when their service is shown, named, or told to have the name", () => {
    const shown = { name: "s", id: "seen", spec: "seen", version: 3 };
    const traces: readonly (readonly [ServiceInput, ServiceOutput])[] = [
      [
        { kind: "read", name: "s" },
        { kind: "service", service: shown },
      ],
      [{ kind: "list" }, { kind: "services", services: [shown] }],
      [
        { kind: "remove", name: "s", id: "seen" },
        { kind: "done", version: 4 },
      ],
      [create("other"), { ...conflict, holder: "seen" }],
    ];
    for (const [input, output] of traces) {
      const recorder = new HistoryRecorder<ServiceInput, ServiceOutput>({ limit: 10, now: () => 0 });
      recorder.call("a", create("seen")).unknown("timeout");
      recorder.call("b", input).returned(output);
      expect(withoutUnseenCreates(recorder.history())).toHaveLength(2);
      expect(checkServices(recorder.history())).toMatchObject({ kind: "ok" });
    }
  });
});

/** The name of an entry of the list at this place that no write overlaps with. */
function settledEntry(history: readonly ServiceOperation[], at: number): string | undefined {
  const list = history[at];
  if (list?.ending.kind !== "returned" || list.ending.output.kind !== "services") return undefined;
  const { called, ending } = list;
  const overlapping = history.filter(
    (other) =>
      other.called.order < ending.at.order && (other.ending.at === undefined || other.ending.at.order > called.order),
  );
  const touched = new Set(overlapping.map(({ input }) => (input.kind === "list" ? "" : input.name)));
  return list.ending.output.services.find(({ name }) => !touched.has(name))?.name;
}

describe("small histories of services", () => {
  it("are judged as the definition does, spoilt or not", { timeout: 60_000 }, () => {
    const counts = { ok: 0, violation: 0 };
    fc.assert(
      fc.property(
        fc.integer(),
        fc.boolean(),
        fc.constantFrom<Writers>("clients_only", "others_too"),
        (seed, spoil, writers) => {
          const random = new SeededRandom(seed);
          const options = { random, operations: 60, clients: 4, names: 2, unknownRatio: 0.2, writers };
          const whole = clientsOf(options).run();
          const history = spoil ? spoilt(whole.slice(0, 7), whole, random) : whole.slice(0, 7);
          const expected = isLinearizable(history, serviceModel(writers)) ? "ok" : "violation";
          counts[expected] += 1;
          expect(checkLinearizable(history, { model: serviceModel(writers) }).kind).toBe(expected);
          const traced = withoutUnseenCreates(history);
          expect(checkLinearizable(traced, { model: serviceModel(writers) }).kind).toBe(expected);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(Math.min(counts.ok, counts.violation)).toBeGreaterThan(200);
  });
});

/** One answer is swapped for another answer to the same kind of question. */
function spoilt(
  history: readonly ServiceOperation[],
  whole: readonly ServiceOperation[],
  random: Random,
): readonly ServiceOperation[] {
  const at = random.below(history.length);
  return history.map((operation, place) => {
    if (place !== at || operation.ending.kind !== "returned") return operation;
    const like = whole.filter(({ input, ending }) => input.kind === operation.input.kind && ending.kind === "returned");
    const other = like[random.below(like.length)]?.ending;
    return other?.kind === "returned"
      ? { ...operation, ending: { ...operation.ending, output: other.output } }
      : operation;
  });
}
