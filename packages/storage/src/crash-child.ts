import { silentLog } from "@murmur/base";
import { writeSync } from "node:fs";
import { openLogStorage } from "./file-log-storage.ts";
import { entry } from "./test-entries.ts";

/**
 * The process that crash.test.ts kills: it writes as fast as it can, many writes at once, and says which index has been
 * acknowledged; now and then it saves a snapshot and compacts.
 */
const directory = process.argv[2];
if (directory === undefined) throw new Error("usage: crash-child DIRECTORY");
const storage = await openLogStorage({ directory, log: silentLog, limits: { segmentBytes: 64 * 1024 } });
const { recovered } = storage;
const term = recovered.hardState.term + 1;
let next = (recovered.entries.at(-1)?.index ?? recovered.snapshot?.index ?? 0) + 1;
await storage.write({ hardState: { term, votedFor: `n${String(term)}`, commit: 0 } });
writeSync(1, `term ${String(term)}\n`);

async function writer(): Promise<void> {
  for (;;) {
    const index = next;
    next += 1;
    await storage.write({ entries: [entry(index, term)] });
    writeSync(1, `acknowledged ${String(index)}\n`);
    if (index % 500 === 0 && !isSaving) await snapshot(index);
  }
}

/** On a slow disk the writers are 500 further before a snapshot is saved: the next one is left out then. */
let isSaving = false;

async function snapshot(index: number): Promise<void> {
  isSaving = true;
  await storage.saveSnapshot({ index, term, membership: new Uint8Array() }, state(index));
  writeSync(1, `snapshot ${String(index)}\n`);
  await storage.compact(index - 100);
  isSaving = false;
}

async function* state(index: number): AsyncGenerator<Uint8Array> {
  for (let part = 0; part < 20; part += 1) yield new Uint8Array(10_000).fill(index % 256);
}

await Promise.all(Array.from({ length: 16 }, writer));
