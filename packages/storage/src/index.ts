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
