import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Acknowledged } from "./acknowledged.ts";
import type { StoredEntry } from "./log-storage.ts";
import { DEFAULT_LIMITS, LogWriter, type LogWriterLimits } from "./log-writer.ts";
import type { SegmentFile, SegmentFiles } from "./segment-files.ts";
import { scanSegment } from "./segment.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { entries } from "./test-entries.ts";

/** Log files in memory, whose writes and syncs do what the test says. */
class FakeFiles implements SegmentFiles {
  readonly contents = new Map<number, Buffer>();
  readonly removed: number[] = [];
  sync: () => Promise<void> = async () => {};
  /** The most that one write takes. */
  writeBytesMax = Infinity;

  async create(sequence: number): Promise<SegmentFile> {
    const bytes = Buffer.alloc(100_000);
    this.contents.set(sequence, bytes);
    return {
      write: async (source, offset, length, position) => {
        const bytesWritten = Math.min(length, this.writeBytesMax);
        bytes.set(source.subarray(offset, offset + bytesWritten), position);
        return { bytesWritten };
      },
      datasync: () => this.sync(),
      close: async () => {},
    };
  }
  reopen(sequence: number): Promise<SegmentFile> {
    return this.create(sequence);
  }
  async remove(sequences: readonly number[]): Promise<void> {
    this.removed.push(...sequences);
  }
  async close(): Promise<void> {}

  scan(sequence: number): ReturnType<typeof scanSegment> {
    return scanSegment(this.contents.get(sequence) ?? Buffer.alloc(0));
  }
}

async function setUp(limits: Partial<LogWriterLimits> = {}) {
  const directory = await temporaryDirectory();
  const files = new FakeFiles();
  const acknowledged = await Acknowledged.open(join(directory.path, "acknowledged"));
  const options = { directory: "/data", files, acknowledged, segments: [], nextSequence: 1 };
  const writer = new LogWriter({ ...options, limits: { ...DEFAULT_LIMITS, ...limits } });
  const resources = new AsyncDisposableStack();
  resources.use(directory);
  resources.use(acknowledged);
  resources.use(writer);
  return {
    files,
    writer,
    write: (batch: readonly StoredEntry[]) =>
      writer.append({ term: 1, commit: 0, compacted: 0, lost: 0, last: batch.at(-1)?.index ?? 0 }, batch),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A sync that waits until it is let go. */
function stall(files: FakeFiles): () => void {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  files.sync = () => released;
  return release;
}

const diskFull = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

describe("LogWriter", () => {
  it("joins what waits for the disk into one sync", async () => {
    await using log = await setUp();
    const release = stall(log.files);
    const first = log.write(entries(1, 1, 1));
    await new Promise((resolve) => setImmediate(resolve));
    const rest = [log.write(entries(2, 4, 1)), log.write(entries(3, 5, 1)), log.write(entries(6, 6, 1))];
    release();
    await Promise.all([first, ...rest]);
    expect(log.writer.stats).toMatchObject({ writes: 4, syncs: 2 });
    const { batches } = log.files.scan(1);
    expect(batches.map((batch) => batch.entries.map((entry) => entry.index))).toEqual([[1], [2, 3, 4, 5, 6]]);
  });

  it("ends a group at its size, and a file at its", async () => {
    await using log = await setUp({ groupBytesMax: 1, segmentBytes: 300 });
    await Promise.all([log.write(entries(1, 2, 1)), log.write(entries(3, 4, 1)), log.write(entries(5, 6, 1))]);
    expect([...log.files.contents.keys()]).toEqual([1, 3]);
    await log.writer.removeThrough(3);
    expect(log.files.removed).toEqual([]);
    await log.writer.removeThrough(4);
    expect(log.files.removed).toEqual([1]);
    await log.writer.removeThrough(6);
    expect(log.files.removed).toEqual([1]);
  });

  it("goes on where the system wrote less than asked", async () => {
    await using log = await setUp();
    log.files.writeBytesMax = 7;
    await log.write(entries(1, 3, 1));
    expect(log.files.scan(1).batches[0]?.entries).toEqual(entries(1, 3, 1));
  });

  it("acknowledges nothing after a failed sync, even when the disk works again", async () => {
    await using log = await setUp();
    await log.write(entries(1, 1, 1));
    log.files.sync = () => Promise.reject(Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" }));
    const failed = [log.write(entries(2, 2, 1)), log.write(entries(3, 3, 1))];
    for (const write of failed) await expect(write).rejects.toMatchObject({ code: "unavailable" });
    log.files.sync = async () => {};
    await expect(log.write(entries(4, 4, 1))).rejects.toThrow("cannot use the data in /data: EIO");
    expect(log.writer.refusal([])).toMatchObject({ code: "unavailable" });
    expect(log.files.scan(1).batches).toHaveLength(2);
  });

  it("says when the disk is full", async () => {
    await using log = await setUp();
    log.files.sync = () => Promise.reject(diskFull);
    await expect(log.write(entries(1, 1, 1))).rejects.toThrow("the disk is full; free some space");
  });

  it("refuses more than its bounds while the disk stalls", async () => {
    await using log = await setUp({ pendingWritesMax: 2, pendingBytesMax: 1000 });
    const release = stall(log.files);
    const writes = [log.write(entries(1, 1, 1))];
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.writer.refusal(entries(2, 2, 1))).toBeUndefined();
    writes.push(log.write(entries(2, 2, 1)));
    expect(log.writer.refusal(entries(3, 30, 1))).toMatchObject({ code: "overloaded" });
    writes.push(log.write(entries(3, 3, 1)));
    expect(log.writer.refusal(entries(4, 4, 1))).toMatchObject({ code: "overloaded" });
    release();
    await Promise.all(writes);
    expect(log.writer.refusal(entries(4, 4, 1))).toBeUndefined();
  });

  it("takes a write that is larger than all bounds when nothing else waits", async () => {
    await using log = await setUp({ pendingBytesMax: 10, groupBytesMax: 10, segmentBytes: 10 });
    expect(log.writer.refusal(entries(1, 5, 1))).toBeUndefined();
    await log.write(entries(1, 5, 1));
    expect(log.files.scan(1).batches[0]?.entries).toHaveLength(5);
  });
});
