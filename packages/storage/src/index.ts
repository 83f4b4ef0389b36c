export type {
  Damage,
  HardState,
  LogStorage,
  ReceiveOptions,
  Recovered,
  SnapshotMeta,
  SnapshotReader,
  SnapshotReceiver,
  StorageStats,
  StoredEntry,
  WriteBatch,
} from "./log-storage.ts";
export { openLogStorage, type LogStorageOptions } from "./file-log-storage.ts";
export { MemoryDisk } from "./memory-log-storage.ts";
export { openNodeState, type NodeState } from "./node-state.ts";
export { newDiskKey, parseDiskKey, sealedLog, type DiskKey, type LogKeys, type SealedLog } from "./sealed-log.ts";
