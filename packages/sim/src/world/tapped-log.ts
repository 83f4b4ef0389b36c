import type { LogStorage, SnapshotMeta, WriteBatch } from "@murmur/storage";
import type { Process } from "./process.ts";

export interface LogTap {
  wrote(batch: WriteBatch): void;
  durable(batch: WriteBatch): void;
  replaced(snapshot: SnapshotMeta | undefined): void;
  saved(snapshot: SnapshotMeta): void;
}

/** Raft's log as one process has it open: results reach it through its gate, and what it writes is seen. */
export function tappedLog(storage: LogStorage, process: Process, tap: LogTap): LogStorage {
  return {
    recovered: storage.recovered,
    write: (batch) => {
      tap.wrote(batch);
      return process.call(async () => {
        await storage.write(batch);
        tap.durable(batch);
      });
    },
    saveSnapshot: (meta, content) =>
      process.call(async () => {
        await storage.saveSnapshot(meta, gated(content, process));
        tap.saved(meta);
      }),
    openSnapshot: () => process.call(() => storage.openSnapshot()),
    receiveSnapshot: (options) =>
      process.call(async () => {
        const receiver = await storage.receiveSnapshot(options);
        return {
          meta: receiver.meta,
          get received() {
            return receiver.received;
          },
          append: (offset, bytes) => process.call(() => receiver.append(offset, bytes)),
          commit: () =>
            process.call(async () => {
              await receiver.commit();
              tap.replaced(receiver.meta);
            }),
          abort: () => process.call(() => receiver.abort()),
        };
      }),
    compact: (index) => process.call(() => storage.compact(index)),
    separate: () => storage.separate(),
    reset: () =>
      process.call(async () => {
        await storage.reset();
        tap.replaced(undefined);
      }),
    stats: () => storage.stats(),
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

/** The process makes the content: a process that is held up makes none. */
async function* gated(content: AsyncIterable<Uint8Array>, process: Process): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    await process.call(() => Promise.resolve());
    yield chunk;
  }
}
