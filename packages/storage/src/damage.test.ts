import { cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLog } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openLogStorage } from "./file-log-storage.ts";
import type { HardState, LogStorage, StoredEntry } from "./log-storage.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { content, entries, metaOf, pieces } from "./test-entries.ts";

const open = (directory: string): Promise<LogStorage> =>
  openLogStorage({ directory, log: silentLog, limits: { segmentBytes: 600 } });
const epochOf = (directory: string): string => join(directory, "epoch-000000");

/** Files of the log, oldest first. */
async function logFiles(directory: string): Promise<string[]> {
  const names = await readdir(epochOf(directory));
  return names
    .filter((name) => name.endsWith(".wal"))
    .sort()
    .map((name) => join(epochOf(directory), name));
}

interface Truth {
  readonly hardState: HardState;
  readonly log: readonly StoredEntry[];
}

/** Writes a log with truncations, as a follower of changing leaders does: nothing committed is replaced. */
async function writeLog(
  directory: string,
  batches: readonly { back: number; count: number; vote: boolean }[],
): Promise<Truth> {
  await using storage = await open(directory);
  let log: StoredEntry[] = [];
  let hardState: HardState = { term: 1, commit: 0 };
  for (const { back, count, vote } of batches) {
    const term = back > 0 || vote ? hardState.term + 1 : hardState.term;
    const first = Math.max(hardState.commit, log.length - back) + 1;
    const batch = entries(first, first + count - 1, term);
    hardState = { term, commit: Math.max(hardState.commit, first - 2), ...(vote && { votedFor: `n${String(term)}` }) };
    if (count > 0) log = [...log.slice(0, first - 1), ...batch];
    await storage.write({ hardState, entries: batch });
  }
  return { hardState, log };
}

const anyBatches = fc.array(fc.record({ back: fc.nat(3), count: fc.nat(4), vote: fc.boolean() }), {
  minLength: 1,
  maxLength: 12,
});
const QUICK = { numRuns: 60, interruptAfterTimeLimit: 12_000, markInterruptAsFailure: false };

/** What may be read after damage: a part of the truth from its start, with a report when it is not the whole. */
async function expectHonest(directory: string, truth: Truth): Promise<void> {
  await using storage = await open(directory);
  const { entries: found, hardState, damage } = storage.recovered;
  expect(found).toEqual(truth.log.slice(0, found.length));
  expect({ ...hardState, commit: 0 }).toEqual({ ...truth.hardState, commit: 0 });
  expect(hardState.commit).toBeLessThanOrEqual(Math.max(truth.hardState.commit, 0));
  if (found.length === truth.log.length) return;
  expect(damage).toMatchObject({ fromIndex: found.length + 1, lastIndex: truth.log.length });
}

describe("damage to the log", () => {
  it("is detected wherever it is, reported until repaired, and never read", { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(
      anyBatches,
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 1, max: 80 }),
      async (batches, file, at, length) => {
        await using directory = await temporaryDirectory();
        const truth = await writeLog(directory.path, batches);
        const files = await logFiles(directory.path);
        const path = files[file % files.length] ?? "";
        const bytes = await readFile(path);
        const from = at % bytes.length;
        for (let byte = from; byte < Math.min(bytes.length, from + length); byte += 1)
          bytes.writeUInt8(bytes.readUInt8(byte) ^ 0x5a, byte);
        await writeFile(path, bytes);
        await expectHonest(directory.path, truth);
        await expectHonest(directory.path, truth);
        await repair(directory.path, truth);
      },
    );
    await fc.assert(property, QUICK);
  });

  it("is detected when a whole file is gone", { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(anyBatches, fc.nat(), async (batches, file) => {
      await using directory = await temporaryDirectory();
      const truth = await writeLog(directory.path, batches);
      const files = await logFiles(directory.path);
      await rm(files[file % files.length] ?? "");
      await expectHonest(directory.path, truth);
      await repair(directory.path, truth);
    });
    await fc.assert(property, QUICK);
  });

  it("to what remembers the acknowledged batch costs nothing", async () => {
    await using directory = await temporaryDirectory();
    const truth = await writeLog(directory.path, [{ back: 0, count: 3, vote: true }]);
    await writeFile(join(epochOf(directory.path), "acknowledged"), Buffer.alloc(1024, 7));
    await using storage = await open(directory.path);
    expect(storage.recovered.entries).toEqual(truth.log);
    expect(storage.recovered.damage).toBeUndefined();
  });
});

/** Writes again what was lost, as the leader would send it; then there is no damage any more. */
async function repair(directory: string, truth: Truth): Promise<void> {
  {
    await using storage = await open(directory);
    const { entries: found } = storage.recovered;
    await storage.write({ hardState: truth.hardState, entries: truth.log.slice(found.length) });
  }
  await using storage = await open(directory);
  expect(storage.recovered).toEqual({ hardState: storage.recovered.hardState, entries: truth.log });
}

describe("a write that was cut off", () => {
  it("is either there or not, and is no damage", { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(anyBatches, fc.nat(), fc.boolean(), async (batches, cut, zeroed) => {
      await using directory = await temporaryDirectory();
      const before = await writeLog(directory.path, batches);
      const acknowledged = join(epochOf(directory.path), "acknowledged");
      await cp(acknowledged, join(directory.path, "acknowledged"));
      const [oldFiles, oldLast = Buffer.alloc(0)] = await lastFile(directory.path);
      const tail = entries(before.log.length + 1, before.log.length + 3, before.hardState.term);
      {
        await using storage = await open(directory.path);
        await storage.write({ entries: tail });
      }
      await cp(join(directory.path, "acknowledged"), acknowledged);
      const files = await logFiles(directory.path);
      const path = files.at(-1) ?? "";
      const bytes = await readFile(path);
      const start = files.length === oldFiles.length ? commonBytes(oldLast, bytes) : 0;
      const end = start + (cut % (bytes.length - start + 1));
      if (zeroed) await writeFile(path, bytes.fill(0, end));
      else await truncate(path, end);
      for (let times = 0; times < 2; times += 1) {
        await using storage = await open(directory.path);
        expect(storage.recovered.damage).toBeUndefined();
        expect([before.log, [...before.log, ...tail]]).toContainEqual(storage.recovered.entries);
      }
      await repair(directory.path, { hardState: before.hardState, log: [...before.log, ...tail] });
    });
    await fc.assert(property, QUICK);
  });
});

async function lastFile(directory: string): Promise<[string[], Buffer | undefined]> {
  const files = await logFiles(directory);
  const last = files.at(-1);
  return [files, last === undefined ? undefined : await readFile(last)];
}

function commonBytes(a: Buffer, b: Buffer): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

describe("damage to the snapshot", () => {
  async function snapshotAt(directory: string): Promise<string> {
    await using storage = await open(directory);
    await storage.write({ hardState: { term: 1, commit: 9 }, entries: entries(1, 10, 1) });
    await storage.saveSnapshot(metaOf(8, 1), pieces(150_000));
    const names = await readdir(epochOf(directory));
    return join(epochOf(directory), names.find((name) => name.endsWith(".snapshot")) ?? "");
  }

  it("is detected by whoever reads it", { timeout: 60_000 }, async () => {
    await using directory = await temporaryDirectory();
    const path = await snapshotAt(directory.path);
    const intact = await readFile(path);
    await using storage = await open(directory.path);
    const property = fc.asyncProperty(
      fc.nat(intact.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        const bytes = Buffer.from(intact);
        bytes.writeUInt8(bytes.readUInt8(at) ^ change, at);
        await writeFile(path, bytes);
        const read = async (): Promise<void> => {
          await using reader = await storage.openSnapshot();
          await reader?.read(0, 150_000);
        };
        await expect(read()).rejects.toMatchObject({ code: "corrupt" });
      },
    );
    await fc.assert(property, { numRuns: 100 });
    await writeFile(path, intact);
    await using reader = await storage.openSnapshot();
    expect(Buffer.compare((await reader?.read(0, 150_000)) ?? Buffer.alloc(0), content(0, 150_000))).toBe(0);
  });

  it("costs nothing while the whole log is there", async () => {
    await using directory = await temporaryDirectory();
    await truncate(await snapshotAt(directory.path), 1000);
    await using storage = await open(directory.path);
    expect(storage.recovered).toEqual({ hardState: { term: 1, commit: 9 }, entries: entries(1, 10, 1) });
  });

  it("is reported when the log begins after it, until a snapshot from elsewhere replaces it", async () => {
    await using directory = await temporaryDirectory();
    const path = await snapshotAt(directory.path);
    {
      await using storage = await open(directory.path);
      await storage.compact(6);
    }
    await truncate(path, 1000);
    {
      await using storage = await open(directory.path);
      expect(storage.recovered).toMatchObject({ entries: [], damage: { fromIndex: 1, lastIndex: 10 } });
      expect(storage.recovered.snapshot).toBeUndefined();
      const receiver = await storage.receiveSnapshot({ meta: metaOf(9, 1), source: "n2" });
      await receiver.append(0, content(0, 10));
      await receiver.commit();
    }
    {
      await using storage = await open(directory.path);
      expect(storage.recovered).toMatchObject({ entries: [], damage: { fromIndex: 10, lastIndex: 10 } });
      await storage.write({ entries: entries(10, 11, 2) });
    }
    await using storage = await open(directory.path);
    expect(storage.recovered.damage).toBeUndefined();
    expect(storage.recovered.entries).toEqual(entries(10, 11, 2));
  });
});
