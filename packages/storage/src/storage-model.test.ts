import { silentLog } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openLogStorage } from "./file-log-storage.ts";
import type { HardState, LogStorage, Recovered, SnapshotMeta, StoredEntry } from "./log-storage.ts";
import { MemoryDisk } from "./memory-log-storage.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { content, entries, metaOf, pieces } from "./test-entries.ts";

/** What a storage must hold, kept in the plainest way. */
class Model {
  hardState: HardState = { term: 1, commit: 0 };
  log = new Map<number, StoredEntry>();
  compacted = 0;
  /** How far the log reached before it was reset, until it does again. */
  lost = 0;
  snapshot: SnapshotMeta | undefined;

  get last(): number {
    return Math.max(this.compacted, ...this.log.keys());
  }

  write(batch: readonly StoredEntry[]): void {
    for (const index of this.log.keys()) if (index >= (batch[0]?.index ?? Infinity)) this.log.delete(index);
    for (const entry of batch) this.log.set(entry.index, entry);
    this.#reach();
  }

  #reach(): void {
    if (this.last >= this.lost) this.lost = 0;
  }

  take(meta: SnapshotMeta): void {
    this.snapshot = meta;
    if (meta.index <= this.compacted || this.log.get(meta.index)?.term === meta.term) return;
    this.log.clear();
    this.compacted = meta.index;
    this.#reach();
  }

  compact(through: number): void {
    for (const index of this.log.keys()) if (index <= through) this.log.delete(index);
    this.compacted = Math.max(this.compacted, through);
  }

  expected(): Recovered {
    const commit = Math.max(Math.min(this.hardState.commit, this.last), this.snapshot?.index ?? 0);
    return {
      hardState: { ...this.hardState, commit },
      entries: [...this.log.values()].sort((a, b) => a.index - b.index),
      ...(this.snapshot !== undefined && { snapshot: this.snapshot }),
      ...(this.lost > 0 && {
        damage: { fromIndex: this.last + 1, lastIndex: this.lost, reason: "the log was longer once" },
      }),
    };
  }
}

interface Write {
  kind: "write";
  back: number;
  count: number;
  newTerm: boolean;
  vote: string;
  commit: boolean;
}
type Change = { kind: "save" | "compact"; back: number } | { kind: "receive"; offset: number } | { kind: "reset" };
type Step = Write | Change | { kind: "settle" } | { kind: "reopen" };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      back: fc.nat(4),
      count: fc.nat(5),
      newTerm: fc.boolean(),
      vote: fc.constantFrom("", "n1", "n2"),
      commit: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("save" as const, "compact" as const), back: fc.nat(6) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("receive" as const), offset: fc.integer({ min: -3, max: 9 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "settle" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "reopen" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reset" as const }) },
);

/** Runs steps on a storage and on the model; writes are not waited for until something needs them done. */
async function run(steps: readonly Step[], open: () => Promise<LogStorage>): Promise<void> {
  const model = new Model();
  let storage = await open();
  let pending: Promise<void>[] = [storage.write({ hardState: model.hardState })];
  const settle = async (): Promise<void> => {
    await Promise.all(pending);
    pending = [];
  };
  const reopen = async (): Promise<void> => {
    await settle();
    await storage[Symbol.asyncDispose]();
    storage = await open();
    expect(storage.recovered).toEqual(model.expected());
  };
  for (const step of steps) {
    if (step.kind === "write") pending.push(write(step, model, storage));
    else if (step.kind === "settle") await settle();
    else if (step.kind === "reopen") await reopen();
    else {
      await settle();
      await change(step, model, storage);
    }
    expect(storage.stats()).toMatchObject({ firstIndex: model.compacted + 1, lastIndex: model.last });
  }
  await reopen();
  await reopen();
  await storage[Symbol.asyncDispose]();
}

function write(step: Write, model: Model, storage: LogStorage): Promise<void> {
  const { term, commit } = model.hardState;
  const nextTerm = step.newTerm ? term + 1 : term;
  const hardState = {
    term: nextTerm,
    commit: step.commit ? Math.max(commit, model.last - 2) : commit,
    ...(step.vote !== "" && { votedFor: step.vote }),
  };
  const first = Math.max(model.compacted, model.snapshot?.index ?? 0, model.last - (step.newTerm ? step.back : 0)) + 1;
  const batch = entries(first, first + step.count - 1, nextTerm);
  model.hardState = hardState;
  model.write(batch);
  return storage.write({ hardState, entries: batch });
}

async function change(step: Change, model: Model, storage: LogStorage): Promise<void> {
  const { term, votedFor } = model.hardState;
  switch (step.kind) {
    case "save": {
      const entry = model.log.get(model.last - step.back);
      if (entry === undefined || entry.index < (model.snapshot?.index ?? 0)) return;
      model.take(metaOf(entry.index, entry.term));
      return storage.saveSnapshot(metaOf(entry.index, entry.term), pieces(1000));
    }
    case "compact": {
      const through = (model.snapshot?.index ?? 0) - step.back;
      model.compact(through);
      return storage.compact(through);
    }
    case "receive": {
      const meta = metaOf(Math.max(1, model.last + step.offset), term);
      if (meta.index < (model.snapshot?.index ?? 0)) return;
      const receiver = await storage.receiveSnapshot({ meta, source: "n1" });
      await receiver.append(receiver.received, content(0, 100));
      model.take(meta);
      return receiver.commit();
    }
    case "reset":
      await storage.reset();
      Object.assign(model, new Model(), { lost: Math.max(model.lost, model.last) });
      model.hardState = { term, commit: 0, ...(votedFor !== undefined && { votedFor }) };
  }
}

describe("any sequence of operations leaves what the model says", () => {
  it("in memory", async () => {
    const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
      const disk = new MemoryDisk();
      await run(steps, () => disk.open());
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it.each([
    ["in files", {}],
    ["in tiny files", { segmentBytes: 300, groupBytesMax: 150 }],
  ])("%s", async (_name, limits) => {
    const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
      await using directory = await temporaryDirectory();
      await run(steps, () => openLogStorage({ directory: directory.path, log: silentLog, limits }));
    });
    await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 12_000, markInterruptAsFailure: false });
  });
});
