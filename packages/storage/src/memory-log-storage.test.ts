import { describe, expect, it } from "vitest";
import { MemoryDisk } from "./memory-log-storage.ts";
import { storageContract } from "./storage-contract.ts";
import { entries, metaOf, pieces } from "./test-entries.ts";

storageContract("the disk in memory", async () => {
  const disk = new MemoryDisk();
  return { open: () => disk.open(), [Symbol.asyncDispose]: async () => {} };
});

/** Lets promises run that wait for nothing but each other. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the disk in memory misbehaves on demand", () => {
  it("loses what was not synced when it crashes; those calls never settle", async () => {
    const disk = new MemoryDisk();
    const storage = await disk.open();
    await storage.write({ entries: entries(1, 2, 1) });
    disk.beforeSync = () => new Promise(() => {});
    let settled = false;
    void storage.write({ entries: entries(3, 4, 1) }).finally(() => (settled = true));
    await settle();
    disk.crash();
    disk.beforeSync = async () => {};
    await settle();
    expect(settled).toBe(false);
    await using again = await disk.open();
    expect(again.recovered.entries).toEqual(entries(1, 2, 1));
  });

  it("may have kept writes that nobody was told of", async () => {
    const disk = new MemoryDisk(() => new Promise(() => {}));
    const storage = await disk.open();
    for (const at of [1, 2, 3]) void storage.write({ entries: entries(at, at, 1) });
    await settle();
    disk.crash({ pendingKept: 2 });
    await using again = await disk.open();
    expect(again.recovered.entries).toEqual(entries(1, 2, 1));
  });

  it("acknowledges nothing after a failure", async () => {
    const disk = new MemoryDisk(() => Promise.reject(new Error("no")));
    const storage = await disk.open();
    await expect(storage.write({ entries: entries(1, 1, 1) })).rejects.toMatchObject({ code: "unavailable" });
    disk.beforeSync = async () => {};
    await expect(storage.write({ entries: entries(2, 2, 1) })).rejects.toMatchObject({ code: "unavailable" });
    disk.crash();
    await using again = await disk.open();
    expect(again.recovered.entries).toEqual([]);
  });

  it("reports damage until the log is as long again", async () => {
    const disk = new MemoryDisk();
    await (
      await disk.open().then(async (storage) => {
        await storage.write({ entries: entries(1, 6, 1) });
        return storage;
      })
    )[Symbol.asyncDispose]();
    disk.damage(4);
    {
      await using storage = await disk.open();
      expect(storage.recovered.entries).toEqual(entries(1, 3, 1));
      expect(storage.recovered.damage).toMatchObject({ fromIndex: 4, lastIndex: 6 });
      await storage.write({ entries: entries(4, 5, 1) });
    }
    {
      await using storage = await disk.open();
      expect(storage.recovered.damage).toMatchObject({ fromIndex: 6, lastIndex: 6 });
      await storage.write({ entries: entries(6, 6, 1) });
    }
    await using storage = await disk.open();
    expect(storage.recovered.damage).toBeUndefined();
  });

  it("begins with the snapshot when the log is damaged before its end", async () => {
    const disk = new MemoryDisk();
    {
      await using storage = await disk.open();
      await storage.write({ entries: entries(1, 10, 1) });
      await storage.saveSnapshot(metaOf(8, 1), pieces(100));
      await storage.compact(3);
    }
    disk.damage(6);
    {
      await using storage = await disk.open();
      expect(storage.recovered).toMatchObject({ entries: [], damage: { fromIndex: 9, lastIndex: 10 } });
      await storage.write({ entries: entries(9, 10, 1) });
    }
    disk.damage(9);
    disk.damage(7);
    await using storage = await disk.open();
    expect(storage.recovered).toMatchObject({ entries: [], snapshot: { index: 8 }, damage: { lastIndex: 10 } });
  });

  it("has the whole log, or nothing, when the snapshot is damaged", async () => {
    const disk = new MemoryDisk();
    {
      await using storage = await disk.open();
      await storage.write({ entries: entries(1, 10, 1) });
      await storage.saveSnapshot(metaOf(8, 1), pieces(100));
    }
    disk.damageSnapshot();
    {
      await using storage = await disk.open();
      expect(storage.recovered).toEqual({ hardState: { term: 0, commit: 0 }, entries: entries(1, 10, 1) });
      await storage.saveSnapshot(metaOf(8, 1), pieces(100));
      await storage.compact(3);
    }
    disk.damageSnapshot();
    await using storage = await disk.open();
    expect(storage.recovered).toMatchObject({ entries: [], damage: { fromIndex: 1, lastIndex: 10 } });
    expect(storage.recovered.snapshot).toBeUndefined();
  });
});
