import { silentLog } from "@murmur/base";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLogStorage } from "./file-log-storage.ts";
import { MemoryDisk } from "./memory-log-storage.ts";
import { newDiskKey, sealedLog, type DiskKey, type LogKeys, type SealedLog } from "./sealed-log.ts";
import { storageContract, type StorageWorld } from "./storage-contract.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { content, entries, metaOf, pieces } from "./test-entries.ts";

const onlyWith = (key: DiskKey): LogKeys => ({ sealing: key, opening: [key] });

storageContract("a sealed log in memory", async () => {
  const [disk, key] = [new MemoryDisk(), newDiskKey()];
  const open = async (): Promise<SealedLog> => sealedLog(await disk.open(), () => onlyWith(key));
  return { open, [Symbol.asyncDispose]: async () => {} };
});

storageContract("a sealed log in files", async (): Promise<StorageWorld> => {
  const [directory, key] = [await temporaryDirectory(), newDiskKey()];
  return {
    open: async () =>
      sealedLog(await openLogStorage({ directory: directory.path, log: silentLog }), () => onlyWith(key)),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});

describe("a log that is written in another form from a moment on", () => {
  const [first, second] = [newDiskKey(), newDiskKey()];
  const CLEAR: LogKeys = { sealing: undefined, opening: [] };
  const forms: readonly (readonly [string, LogKeys, LogKeys])[] = [
    ["is sealed", CLEAR, onlyWith(first)],
    ["gets another key", onlyWith(first), { sealing: second, opening: [second, first] }],
    ["is written in clear again", onlyWith(first), { sealing: undefined, opening: [first] }],
  ];

  it.each(forms)("%s: both parts are read", async (_name, before, after) => {
    const disk = new MemoryDisk();
    let keys = before;
    {
      await using log = sealedLog(await disk.open(), () => keys);
      await log.write({ entries: entries(1, 5, 1) });
      await log.saveSnapshot(metaOf(3, 1), pieces(200_000));
      keys = after;
      expect(log.snapshotIsFresh()).toBe(false);
      await log.write({ entries: entries(6, 9, 2) });
    }
    await using log = sealedLog(await disk.open(), () => keys);
    expect(log.recovered.entries).toEqual([...entries(1, 5, 1), ...entries(6, 9, 2)]);
    await using reader = await log.openSnapshot();
    expect(reader?.size).toBe(200_000);
    expect(await reader?.read(65_530, 70_000)).toEqual(content(65_530, 135_530));
    expect(log.snapshotIsFresh()).toBe(false);
    await log.saveSnapshot(metaOf(9, 2), pieces(10));
    expect(log.snapshotIsFresh()).toBe(true);
  });

  it("leaves nothing of the other form in its files once that is compacted", async () => {
    await using directory = await temporaryDirectory();
    let keys = CLEAR;
    await using log = sealedLog(await openLogStorage({ directory: directory.path, log: silentLog }), () => keys);
    const everything = async (): Promise<string> => {
      const names = await readdir(directory.path, { recursive: true, withFileTypes: true });
      const files = names.filter((name) => name.isFile()).map(({ parentPath, name }) => join(parentPath, name));
      return (await Promise.all(files.map((file) => readFile(file, "latin1")))).join("");
    };
    await log.write({ entries: entries(1, 5, 1) });
    await log.saveSnapshot(metaOf(2, 1), pieces(100_000));
    const piece = Buffer.from(content(1_000, 1_200)).toString("latin1");
    expect(await everything()).toContain("entry 5 of term 1");
    expect(await everything()).toContain(piece);
    keys = onlyWith(first);
    expect(log.separate()).toBe(5);
    await log.write({ entries: entries(6, 7, 1) });
    await log.saveSnapshot(metaOf(6, 1), pieces(100_000));
    await log.compact(6);
    const left = await everything();
    expect(left).not.toContain("of term 1");
    expect(left).not.toContain(piece);

    // In clear, and sealed again although nothing was written in between.
    keys = { sealing: undefined, opening: [first] };
    await log.write({ entries: entries(8, 9, 2) });
    await log.saveSnapshot(metaOf(9, 2), pieces(100_000));
    await log.compact(9);
    expect(await everything()).toContain("entry 9 of term 2");
    keys = onlyWith(first);
    log.separate();
    await log.saveSnapshot(metaOf(9, 2), pieces(100_000));
    await log.compact(9);
    expect(await everything()).not.toContain("of term 2");
  });

  it("doesn't open without its key", async () => {
    const disk = new MemoryDisk();
    {
      await using log = sealedLog(await disk.open(), () => onlyWith(first));
      await log.saveSnapshot(metaOf(3, 1), pieces(10));
    }
    {
      await using log = sealedLog(await disk.open(), () => onlyWith(second));
      await expect(log.openSnapshot()).rejects.toThrow("a key that this node doesn't have");
    }
    {
      await using log = sealedLog(await disk.open(), () => onlyWith(first));
      await log.write({ entries: entries(4, 4, 1) });
    }
    const storage = await disk.open();
    expect(() => sealedLog(storage, () => onlyWith(second))).toThrow("a key that this node doesn't have");
  });

  it("doesn't go on with a transfer that was begun in another form", async () => {
    const disk = new MemoryDisk();
    let keys = CLEAR;
    await using log = sealedLog(await disk.open(), () => keys);
    const options = { meta: metaOf(9, 2), source: "n1" };
    const clear = await log.receiveSnapshot(options);
    await clear.append(0, content(0, 100_000));
    keys = onlyWith(first);
    const begun = await log.receiveSnapshot(options);
    expect(begun.received).toBe(0);
    await begun.append(0, content(0, 100_000));
    const resumed = await log.receiveSnapshot(options);
    expect(resumed.received).toBe(100_000);
    await resumed.append(100_000, content(100_000, 150_000));
    await resumed.commit();
    expect(log.snapshotIsFresh()).toBe(true);
    await using reader = await log.openSnapshot();
    expect(await reader?.read(0, 150_000)).toEqual(content(0, 150_000));
  });
});
