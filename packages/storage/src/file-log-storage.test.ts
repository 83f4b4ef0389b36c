import { silentLog } from "@murmur/base";
import { openLogStorage } from "./file-log-storage.ts";
import type { LogWriterLimits } from "./log-writer.ts";
import { storageContract, type StorageWorld } from "./storage-contract.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

async function world(limits: Partial<LogWriterLimits>): Promise<StorageWorld> {
  const directory = await temporaryDirectory();
  return {
    open: () => openLogStorage({ directory: directory.path, log: silentLog, limits }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

storageContract("storage in files", () => world({}));
storageContract("storage in many small files", () => world({ segmentBytes: 200, groupBytesMax: 100 }));
