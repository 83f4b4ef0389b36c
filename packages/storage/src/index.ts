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
