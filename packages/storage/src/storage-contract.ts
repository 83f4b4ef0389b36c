import type { ClusterError } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { LogStorage } from "./log-storage.ts";
import { content, entries, entry, metaOf, pieces } from "./test-entries.ts";

/** A place that keeps what is stored between two openings. */
export interface StorageWorld extends AsyncDisposable {
  open(): Promise<LogStorage>;
}

const code = (expected: ClusterError["code"]): unknown => expect.objectContaining({ code: expected });

/** What every log storage must do; run by each adapter's test. */
export function storageContract(name: string, create: () => Promise<StorageWorld>): void {
  describe(`${name} keeps the storage contract`, () => {
    logContract(create);
    snapshotContract(create);
    closingContract(create);
    receivingContract(create);
  });
}

function logContract(create: () => Promise<StorageWorld>): void {
  it("begins empty", async () => {
    await using world = await create();
    await using storage = await world.open();
    expect(storage.recovered).toEqual({ hardState: { term: 0, commit: 0 }, entries: [] });
    expect(await storage.openSnapshot()).toBeUndefined();
  });

  it("gives back what was written", async () => {
    await using world = await create();
    {
      await using storage = await world.open();
      await storage.write({ hardState: { term: 1, votedFor: "n1", commit: 0 }, entries: entries(1, 3, 1) });
      await storage.write({
        entries: [entry(4, 2, ""), { index: 5, term: 2, kind: "", data: new Uint8Array(100_000) }],
      });
      await storage.write({ hardState: { term: 2, commit: 4 } });
    }
    await using storage = await world.open();
    expect(storage.recovered.hardState).toEqual({ term: 2, commit: 4 });
    expect(storage.recovered.entries).toEqual([
      ...entries(1, 3, 1),
      entry(4, 2, ""),
      { index: 5, term: 2, kind: "", data: new Uint8Array(100_000) },
    ]);
  });

  it("replaces the log from the first index of a write on", async () => {
    await using world = await create();
    {
      await using storage = await world.open();
      await storage.write({ entries: entries(1, 9, 1) });
      await storage.write({ entries: entries(4, 5, 2) });
    }
    await using storage = await world.open();
    expect(storage.recovered.entries).toEqual([...entries(1, 3, 1), ...entries(4, 5, 2)]);
  });

  it("keeps the order of writes that are not waited for", async () => {
    await using world = await create();
    {
      await using storage = await world.open();
      const done: number[] = [];
      const writes = [entries(1, 5, 1), entries(6, 8, 1), entries(3, 4, 2), entries(5, 5, 3)];
      await Promise.all(writes.map((batch, at) => storage.write({ entries: batch }).then(() => done.push(at))));
      expect(done).toEqual([0, 1, 2, 3]);
      expect(storage.stats()).toMatchObject({ firstIndex: 1, lastIndex: 5, writes: 4, pendingWrites: 0 });
    }
    await using storage = await world.open();
    expect(storage.recovered.entries).toEqual([...entries(1, 2, 1), ...entries(3, 4, 2), ...entries(5, 5, 3)]);
  });

  it("refuses what would break the log", async () => {
    await using world = await create();
    await using storage = await world.open();
    await storage.write({ hardState: { term: 3, commit: 0 }, entries: entries(1, 3, 3) });
    await expect(storage.write({ entries: entries(5, 5, 3) })).rejects.toThrow("hole");
    await expect(storage.write({ entries: [entry(4, 3), entry(6, 3)] })).rejects.toThrow("not contiguous");
    await expect(storage.write({ hardState: { term: 2, commit: 0 } })).rejects.toThrow("term went back");
    await expect(storage.compact(2)).rejects.toThrow("within the snapshot");
    await storage.saveSnapshot(metaOf(2, 3), pieces(1));
    await expect(storage.write({ entries: entries(2, 3, 4) })).rejects.toThrow("a snapshot covers");
  });

  it("is open once at a time, and refuses writes when closed", async () => {
    await using world = await create();
    const storage = await world.open();
    await expect(world.open()).rejects.toThrow(code("in_use"));
    await storage[Symbol.asyncDispose]();
    await expect(storage.write({ entries: entries(1, 1, 1) })).rejects.toThrow(code("unavailable"));
    await using again = await world.open();
    expect(again.recovered.entries).toEqual([]);
  });

  it("forgets all but term, vote and how far it reached when reset", async () => {
    await using world = await create();
    {
      await using storage = await world.open();
      await storage.write({ hardState: { term: 4, votedFor: "n2", commit: 3 }, entries: entries(1, 5, 4) });
      await storage.saveSnapshot(metaOf(3, 4), pieces(100));
      await storage.reset();
      expect(await storage.openSnapshot()).toBeUndefined();
      expect(storage.stats()).toMatchObject({ firstIndex: 1, lastIndex: 0, snapshotIndex: 0 });
      await storage.write({ entries: entries(1, 1, 4) });
    }
    {
      await using storage = await world.open();
      expect(storage.recovered).toEqual({
        hardState: { term: 4, votedFor: "n2", commit: 0 },
        entries: entries(1, 1, 4),
        damage: { fromIndex: 2, lastIndex: 5, reason: expect.any(String) },
      });
      await storage.reset();
    }
    await using storage = await world.open();
    expect(storage.recovered).toMatchObject({ entries: [], damage: { fromIndex: 1, lastIndex: 5 } });
    await storage.write({ entries: entries(1, 5, 4) });
    await storage[Symbol.asyncDispose]();
    await using whole = await world.open();
    expect(whole.recovered.damage).toBeUndefined();
  });
}

function snapshotContract(create: () => Promise<StorageWorld>): void {
  it("keeps a snapshot, readable in any part", async () => {
    await using world = await create();
    const size = 300_001;
    {
      await using storage = await world.open();
      await storage.write({ entries: entries(1, 10, 1) });
      await storage.saveSnapshot(metaOf(8, 1), pieces(size));
    }
    await using storage = await world.open();
    expect(storage.recovered.snapshot).toEqual(metaOf(8, 1));
    expect(storage.recovered.entries).toEqual(entries(1, 10, 1));
    expect(storage.recovered.hardState.commit).toBe(8);
    await using reader = await storage.openSnapshot();
    expect(reader?.size).toBe(size);
    for (const [offset, length] of [
      [0, 10],
      [65_530, 20],
      [299_990, 1000],
      [0, size],
      [size, 5],
      [131_072, 65_536],
    ] as const) {
      const read = await reader?.read(offset, length);
      expect(Buffer.compare(read ?? Buffer.alloc(1), content(offset, Math.min(size, offset + length)))).toBe(0);
    }
  });

  it("keeps an empty snapshot", async () => {
    await using world = await create();
    await using storage = await world.open();
    await storage.write({ entries: entries(1, 1, 1) });
    await storage.saveSnapshot(metaOf(1, 1), pieces(0));
    await using reader = await storage.openSnapshot();
    expect(reader?.size).toBe(0);
    expect(await reader?.read(0, 10)).toHaveLength(0);
  });

  it("drops the compacted entries and no others", async () => {
    await using world = await create();
    {
      await using storage = await world.open();
      await storage.write({ entries: entries(1, 10, 1) });
      await storage.saveSnapshot(metaOf(8, 1), pieces(10));
      await storage.compact(5);
      await storage.compact(3);
      await storage.write({ entries: entries(11, 12, 2) });
    }
    await using storage = await world.open();
    expect(storage.recovered.entries).toEqual([...entries(6, 10, 1), ...entries(11, 12, 2)]);
    await storage.compact(8);
    expect(storage.stats()).toMatchObject({ firstIndex: 9, lastIndex: 12, snapshotIndex: 8 });
  });

  it("keeps an older snapshot readable while a newer one replaces it, and refuses one older than the current", async () => {
    await using world = await create();
    await using storage = await world.open();
    await storage.write({ entries: entries(1, 10, 1) });
    await storage.saveSnapshot(metaOf(5, 1), pieces(200_000));
    await using older = await storage.openSnapshot();
    await storage.saveSnapshot(metaOf(9, 1), pieces(10));
    expect([...((await older?.read(100_000, 5)) ?? [])]).toEqual([...content(100_000, 100_005)]);
    await using newer = await storage.openSnapshot();
    expect([older?.meta.index, newer?.meta.index]).toEqual([5, 9]);
    await expect(storage.saveSnapshot(metaOf(7, 1), pieces(10))).rejects.toThrow(code("out_of_date"));
  });

  it("keeps the current snapshot when the content of a new one fails halfway", async () => {
    await using world = await create();
    await using storage = await world.open();
    await storage.write({ entries: entries(1, 10, 1) });
    await storage.saveSnapshot(metaOf(5, 1), pieces(10));
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(100_000);
      throw new Error("the state could not be read");
    };
    await expect(storage.saveSnapshot(metaOf(9, 1), broken())).rejects.toThrow("could not be read");
    await using reader = await storage.openSnapshot();
    expect(reader?.meta.index).toBe(5);
    await storage.saveSnapshot(metaOf(9, 1), pieces(10));
  });
}

function closingContract(create: () => Promise<StorageWorld>): void {
  it("ends a save that is under way when it is closed", async () => {
    await using world = await create();
    const storage = await world.open();
    await storage.write({ entries: entries(1, 10, 1) });
    let begun = (): void => {};
    const beginning = new Promise<void>((resolve) => (begun = resolve));
    const slowly = async function* (): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 50; count += 1) {
        yield new Uint8Array(1000);
        begun();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const saved = expect(storage.saveSnapshot(metaOf(5, 1), slowly())).rejects.toThrow(code("unavailable"));
    await beginning;
    await storage[Symbol.asyncDispose]();
    await saved;
    await using again = await world.open();
    expect(again.recovered).toEqual({ hardState: { term: 0, commit: 0 }, entries: entries(1, 10, 1) });
  });
}

function receivingContract(create: () => Promise<StorageWorld>): void {
  it("takes in a snapshot piece by piece, and starts the log anew after it", async () => {
    await using world = await create();
    {
      await using storage = await world.open();
      await storage.write({ hardState: { term: 2, commit: 2 }, entries: entries(1, 4, 1) });
      const receiver = await storage.receiveSnapshot({ meta: metaOf(20, 2), source: "n1" });
      expect(await receiver.append(0, content(0, 70_000))).toBe(true);
      expect(await receiver.append(0, content(0, 70_000))).toBe(false);
      expect(receiver.received).toBe(70_000);
      expect(await receiver.append(70_000, content(70_000, 100_000))).toBe(true);
      await receiver.commit();
      expect(storage.stats()).toMatchObject({ firstIndex: 21, lastIndex: 20, snapshotIndex: 20 });
      await storage.write({ entries: entries(21, 22, 2) });
    }
    await using storage = await world.open();
    expect(storage.recovered.snapshot).toEqual(metaOf(20, 2));
    expect(storage.recovered.entries).toEqual(entries(21, 22, 2));
    await using reader = await storage.openSnapshot();
    expect(Buffer.compare((await reader?.read(0, 100_000)) ?? Buffer.alloc(0), content(0, 100_000))).toBe(0);
  });

  it.each([
    ["stays when it holds the snapshot's last entry", 1, entries(1, 9, 1)],
    ["is discarded when it holds another entry there", 2, []],
  ])("the log %s", async (_name, term, expected) => {
    await using world = await create();
    {
      await using storage = await world.open();
      await storage.write({ hardState: { term: 2, commit: 0 }, entries: entries(1, 9, 1) });
      const receiver = await storage.receiveSnapshot({ meta: metaOf(5, term), source: "n1" });
      await receiver.append(0, content(0, 10));
      await receiver.commit();
    }
    await using storage = await world.open();
    expect(storage.recovered.snapshot).toEqual(metaOf(5, term));
    expect(storage.recovered.entries).toEqual(expected);
    await storage.write({ entries: entries(expected.length === 0 ? 6 : 10, 11, 2) });
  });

  it("resumes a transfer from the same source only", async () => {
    await using world = await create();
    await using storage = await world.open();
    const first = await storage.receiveSnapshot({ meta: metaOf(20, 2), source: "n1" });
    await first.append(0, content(0, 100_000));
    const resumed = await storage.receiveSnapshot({ meta: metaOf(20, 2), source: "n1" });
    expect(resumed.received).toBe(100_000);
    const other = await storage.receiveSnapshot({ meta: metaOf(20, 2), source: "n2" });
    expect(other.received).toBe(0);
    await expect(resumed.append(100_000, content(0, 1))).rejects.toThrow(code("failed_precondition"));
    await other.append(0, content(0, 5));
    await other.abort();
    await expect(other.commit()).rejects.toThrow(code("failed_precondition"));
    expect(await storage.openSnapshot()).toBeUndefined();
  });
}
