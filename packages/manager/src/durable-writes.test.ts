import { nodeId } from "@murmur/base";
import { MemoryDisk } from "@murmur/storage";
import { describe, expect, it } from "vitest";
import { DurableWrites } from "./durable-writes.ts";

const entry = (index: number, term = 1, bytes = 10) => ({
  index,
  term,
  kind: "normal" as const,
  data: new Uint8Array(bytes),
});
const state = (term: number, commit: number) => ({ term, vote: nodeId("a"), commit });
const NOTHING = { hardState: undefined, entries: [] };

/** A disk that syncs when it is told to. */
async function setup() {
  const gates: (() => void)[] = [];
  let failure: Error | undefined;
  const disk = new MemoryDisk(async () => {
    await new Promise<void>((resolve) => gates.push(resolve));
    if (failure !== undefined) throw failure;
  });
  const storage = await disk.open();
  const sync = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    gates.shift()?.();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  const reopened = async () => {
    disk.crash();
    return (await disk.open()).recovered;
  };
  return {
    disk,
    storage,
    writes: new DurableWrites(storage),
    sync,
    reopened,
    fail: () => (failure = new Error("EIO")),
  };
}

/** Notes in which order promises resolve. */
function order(done: string[], name: string, promise: Promise<void>): void {
  promise.then(
    () => done.push(name),
    () => done.push(`${name} failed`),
  );
}

describe("durable writes", () => {
  it("reports a write without content only when those before it are durable", async () => {
    const { writes, sync } = await setup();
    const done: string[] = [];
    expect(writes.idle).toBe(true);
    order(done, "entry", writes.write({ hardState: state(1, 0), entries: [entry(1)] }));
    order(done, "nothing", writes.write(NOTHING));
    expect(writes.idle).toBe(false);
    await Promise.resolve();
    expect(done).toEqual([]);
    await sync();
    expect(done).toEqual(["entry", "nothing"]);
    expect(writes.idle).toBe(true);
  });

  it("writes a commit index with the next write, not by itself", async () => {
    const { writes, sync, storage, reopened } = await setup();
    void writes.write({ hardState: state(1, 0), entries: [entry(1)] });
    await sync();
    await writes.write({ hardState: state(1, 1), entries: [] });
    expect(storage.stats().writes).toBe(1);
    void writes.write({ hardState: undefined, entries: [entry(2)] });
    await sync();
    expect((await reopened()).hardState).toEqual({ term: 1, votedFor: "a", commit: 1 });
  });

  it("writes a new term or vote at once", async () => {
    const { writes, sync, reopened } = await setup();
    void writes.write({ hardState: state(2, 0), entries: [] });
    expect(writes.idle).toBe(false);
    await sync();
    expect((await reopened()).hardState.term).toBe(2);
  });

  it("puts a snapshot between the writes before and after it", async () => {
    const { writes, sync, storage, reopened } = await setup();
    const done: string[] = [];
    order(done, "before", writes.write({ hardState: state(1, 0), entries: [entry(1)] }));
    const meta = { index: 10, term: 2, membership: new Uint8Array([1]) };
    const replaced = writes.replaceLog({ hardState: state(3, 10), entries: [entry(11, 3)] }, async () => {
      done.push("install");
      const receiver = await storage.receiveSnapshot({ meta, source: "s" });
      await receiver.append(0, new Uint8Array([7]));
      await receiver.commit();
    });
    order(done, "snapshot", replaced);
    order(done, "after", writes.write({ hardState: undefined, entries: [entry(12, 3)] }));
    for (let count = 0; count < 6; count += 1) await sync();
    expect(done).toEqual(["before", "install", "snapshot", "after"]);
    const recovered = await reopened();
    expect(recovered.entries.map(({ index }) => index)).toEqual([11, 12]);
    expect(recovered.hardState).toEqual({ term: 3, votedFor: "a", commit: 10 });
  });

  it("fails everything after a failure", async () => {
    const { writes, sync, fail } = await setup();
    const done: string[] = [];
    order(done, "one", writes.write({ hardState: undefined, entries: [entry(1)] }));
    fail();
    await sync();
    order(done, "two", writes.write({ hardState: undefined, entries: [entry(2)] }));
    order(done, "three", writes.write(NOTHING));
    await sync();
    expect(done).toEqual(["one failed", "two failed", "three failed"]);
  });

  it("is full when too much waits", async () => {
    const { writes, sync } = await setup();
    for (let index = 1; index <= 33; index += 1)
      void writes.write({ hardState: undefined, entries: [entry(index, 1, 2 ** 20)] });
    expect(writes.full).toBe(true);
    await sync();
    expect(writes.full).toBe(false);
  });
});
