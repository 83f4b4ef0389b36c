/**
 * Measures embedded stores as a Raft log: what one durable commit costs, and what it does to the event loop meanwhile.
 * Run by hand; docs/storage.md has the figures and what was chosen.
 *
 *   node scripts/bench/storage-choice.ts [DIRECTORY]        lmdb is measured too when LMDB names an installed copy:
 *   LMDB=/some/folder/node_modules/lmdb node scripts/bench/storage-choice.ts
 */
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { silentLog } from "@murmur/base";
import { openLogStorage } from "@murmur/storage";

const ENTRY_BYTES = 1024;
const LOAD_ENTRIES = 100_000;
const RUN_MS = 4_000;
const HEADER_BYTES = 8;

interface Candidate {
  readonly name: string;
  open(directory: string): Promise<Opened>;
}
interface Opened {
  append(first: number, entries: readonly Uint8Array[]): Promise<void>;
  /** Reads and checks everything; the number of entries found. */
  load(): Promise<number>;
  close(): Promise<void>;
}

/** The reference: one file, each batch written at its end, then fdatasync; all on libuv's threads. */
const appendFile: Candidate = { name: "file, append + fdatasync", open: (directory) => openFile(directory, 0) };
/** The same over space that was filled with zeros before, so that a sync has no size or extent to record. */
const zeroedFile: Candidate = {
  name: "file, zeroed ahead + fdatasync",
  open: (directory) => openFile(directory, 192 * 2 ** 20),
};

async function openFile(directory: string, zeroedBytes: number): Promise<Opened> {
  const path = join(directory, "log");
  const file = await open(path, "w+");
  await zeroAhead(file, zeroedBytes);
  let end = 0;
  return {
    async append(_first, entries) {
      const parts = entries.flatMap((entry) => [frame(entry), entry]);
      const { bytesWritten } = await file.writev(parts, end);
      end += bytesWritten;
      await file.datasync();
    },
    async load() {
      const bytes = await readFile(path);
      let count = 0;
      for (let at = 0; at + HEADER_BYTES <= end; count += 1) {
        const length = bytes.readUInt32LE(at);
        const body = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
        if (crc32(body) !== bytes.readUInt32LE(at + 4)) throw new Error("checksum");
        at += HEADER_BYTES + length;
      }
      return count;
    },
    close: () => file.close(),
  };
}

async function zeroAhead(file: FileHandle, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(2 ** 20);
  for (let at = 0; at < bytes; at += zeros.length) await file.write(zeros, 0, zeros.length, at);
  await file.sync();
}

function frame(entry: Uint8Array): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(entry.length, 0);
  header.writeUInt32LE(crc32(entry), 4);
  return header;
}

const SQLITE_WORKER = `
const { DatabaseSync } = require("node:sqlite");
const { crc32 } = require("node:zlib");
const { parentPort, workerData } = require("node:worker_threads");
const db = new DatabaseSync(workerData.path);
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = " + workerData.synchronous + ";");
db.exec("CREATE TABLE entries (i INTEGER PRIMARY KEY, crc INTEGER, data BLOB) STRICT");
const insert = db.prepare("INSERT INTO entries VALUES (?, ?, ?)");
const calls = {
  append({ batches }) {
    db.exec("BEGIN IMMEDIATE");
    for (const { first, entries } of batches)
      entries.forEach((data, at) => insert.run(first + at, crc32(data), data));
    db.exec("COMMIT");
  },
  load() {
    let count = 0;
    for (const row of db.prepare("SELECT * FROM entries ORDER BY i").iterate()) {
      if (crc32(row.data) !== row.crc) throw new Error("checksum");
      count += 1;
    }
    return count;
  },
  close() { db.close(); },
};
parentPort.on("message", (call) => parentPort.postMessage({ id: call.id, value: calls[call.name](call) }));
`;

const sqlite = (synchronous: string): Candidate => ({
  name: `node:sqlite in a worker, WAL, ${synchronous}`,
  async open(directory) {
    const worker = new Worker(SQLITE_WORKER, {
      eval: true,
      workerData: { path: join(directory, "log.db"), synchronous },
    });
    const waiting = new Map<number, (value: unknown) => void>();
    let ids = 0;
    worker.on("message", ({ id, value }: { id: number; value: unknown }) => {
      waiting.get(id)?.(value);
      waiting.delete(id);
    });
    const call = (name: string, fields: object = {}): Promise<unknown> =>
      new Promise((resolve) => {
        waiting.set((ids += 1), resolve);
        worker.postMessage({ id: ids, name, ...fields });
      });
    return {
      append: async (first, entries) => void (await call("append", { batches: [{ first, entries }] })),
      load: async () => Number(await call("load")),
      close: async () => {
        await call("close");
        await worker.terminate();
      },
    };
  },
});

/** What was made of these measurements. */
const murmur: Candidate = {
  name: "murmur's log",
  async open(directory) {
    let log = await openLogStorage({ directory, log: silentLog });
    return {
      async append(first, entries) {
        await log.write({
          entries: entries.map((data, at) => ({ index: first + at, term: 1, kind: "command", data })),
        });
      },
      async load() {
        await log[Symbol.asyncDispose]();
        log = await openLogStorage({ directory, log: silentLog });
        return log.recovered.entries.length;
      },
      close: async () => log[Symbol.asyncDispose](),
    };
  },
};

interface Lmdb {
  put(key: number, value: Uint8Array): Promise<boolean>;
  getRange(options: object): Iterable<{ key: number; value: Uint8Array }>;
  close(): Promise<void>;
}
const lmdb = (module: string): Candidate => ({
  name: "lmdb (native module)",
  async open(directory) {
    const library = createRequire(import.meta.url)(module) as { open(options: object): Lmdb };
    const db = library.open({
      path: join(directory, "log"),
      mapSize: 2 ** 30,
      encoding: "binary",
      keyEncoding: "uint32",
      overlappingSync: false, // a put resolves when it is durable
    });
    return {
      async append(first, entries) {
        await Promise.all(entries.map((entry, at) => db.put(first + at, Buffer.concat([frame(entry), entry]))));
      },
      load: async () => {
        let count = 0;
        for (const { value } of db.getRange({})) {
          const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
          if (crc32(bytes.subarray(HEADER_BYTES)) !== bytes.readUInt32LE(4)) throw new Error("checksum");
          count += 1;
        }
        return count;
      },
      close: () => db.close(),
    };
  },
});

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

interface Row {
  store: string;
  batch: number;
  commits_per_s: number;
  entries_per_s: number;
  p50_ms: number;
  p99_ms: number;
  loop_delay_max_ms: number;
}

const payload = Buffer.alloc(ENTRY_BYTES, "murmur");

/** One commit at a time, as large as given, for RUN_MS. */
async function measureCommits(candidate: Candidate, batch: number, root: string): Promise<Row> {
  const directory = await mkdtemp(join(root, "commit-"));
  const store = await candidate.open(directory);
  const entries = Array.from({ length: batch }, () => payload);
  const delays: number[] = [];
  let next = 1;
  for (let warmup = 0; warmup < 5; warmup += 1, next += batch) await store.append(next, entries);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const start = performance.now();
  while (performance.now() - start < RUN_MS && next < LOAD_ENTRIES) {
    const before = performance.now();
    await store.append(next, entries);
    delays.push(performance.now() - before);
    next += batch;
  }
  const seconds = (performance.now() - start) / 1000;
  loop.disable();
  await store.close();
  await rm(directory, { recursive: true });
  delays.sort((a, b) => a - b);
  return {
    store: candidate.name,
    batch,
    commits_per_s: Math.round(delays.length / seconds),
    entries_per_s: Math.round((delays.length * batch) / seconds),
    p50_ms: round(percentile(delays, 0.5)),
    p99_ms: round(percentile(delays, 0.99)),
    loop_delay_max_ms: round(loop.max / 1e6),
  };
}

/** Clients that each write one entry at a time; what arrives during a commit goes into the next. */
async function measureClients(candidate: Candidate, clients: number, root: string): Promise<object> {
  const directory = await mkdtemp(join(root, "clients-"));
  const store = await candidate.open(directory);
  const waiting: (() => void)[] = [];
  const delays: number[] = [];
  const end = performance.now() + RUN_MS;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const before = performance.now();
      await new Promise<void>((resolve) => waiting.push(resolve));
      delays.push(performance.now() - before);
    }
  };
  const running = Array.from({ length: clients }, client);
  for (let next = 1; waiting.length > 0;) {
    const batch = waiting.splice(0);
    await store.append(
      next,
      batch.map(() => payload),
    );
    next += batch.length;
    for (const resolve of batch) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(running);
  await store.close();
  await rm(directory, { recursive: true });
  delays.sort((a, b) => a - b);
  return {
    store: candidate.name,
    clients,
    entries_per_s: Math.round((delays.length / RUN_MS) * 1000),
    p50_ms: round(percentile(delays, 0.5)),
    p99_ms: round(percentile(delays, 0.99)),
  };
}

/** Fills a store with LOAD_ENTRIES entries, then reads all of them back. */
async function measureLoad(candidate: Candidate, root: string): Promise<object> {
  const directory = await mkdtemp(join(root, "load-"));
  const store = await candidate.open(directory);
  const entries = Array.from({ length: 1000 }, () => payload);
  for (let next = 1; next <= LOAD_ENTRIES; next += entries.length) await store.append(next, entries);
  const start = performance.now();
  const count = await store.load();
  const load_ms = Math.round(performance.now() - start);
  if (count !== LOAD_ENTRIES) throw new Error(`${candidate.name} has ${String(count)} entries`);
  await store.close();
  let bytes = 0;
  for (const item of await readdir(directory, { recursive: true, withFileTypes: true }))
    if (item.isFile()) bytes += (await stat(join(item.parentPath, item.name))).blocks * 512;
  await rm(directory, { recursive: true });
  return { store: candidate.name, load_ms, size_mb: round(bytes / 1e6) };
}

const round = (value: number): number => Math.round(value * 100) / 100;

const root = await mkdtemp(join(process.argv[2] ?? tmpdir(), "storage-choice-"));
await writeFile(join(root, "probe"), "");
const lmdbModule = process.env["LMDB"];
const candidates = [
  appendFile,
  zeroedFile,
  murmur,
  sqlite("FULL"),
  sqlite("EXTRA"),
  ...(lmdbModule === undefined ? [] : [lmdb(lmdbModule)]),
];
const rows: Row[] = [];
for (const batch of [1, 16, 64])
  for (const candidate of candidates) rows.push(await measureCommits(candidate, batch, root));
console.table(rows);
const crowds: object[] = [];
for (const candidate of candidates) crowds.push(await measureClients(candidate, 256, root));
console.table(crowds);
const loads: object[] = [];
for (const candidate of candidates) loads.push(await measureLoad(candidate, root));
console.table(loads);
await rm(root, { recursive: true });
