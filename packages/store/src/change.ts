import type {
  Cluster,
  ClusterNode,
  Config,
  Index,
  Network,
  RestartHistory,
  Secret,
  Service,
  Task,
} from "@murmur/model";

/** What each table holds. */
export interface Records {
  cluster: Cluster;
  nodes: ClusterNode;
  services: Service;
  tasks: Task;
  networks: Network;
  secrets: Secret;
  configs: Config;
  restarts: RestartHistory;
}

/** In the order in which a snapshot writes them. */
export const TABLES = ["cluster", "nodes", "networks", "secrets", "configs", "services", "tasks", "restarts"] as const;
export type TableName = (typeof TABLES)[number];

/** What a command does to one record. A restart history's id is `restartKey`. */
export type WriteOf<T extends TableName> =
  | { readonly kind: "put"; readonly table: T; readonly id: string; readonly current: Records[T] }
  | { readonly kind: "delete"; readonly table: T; readonly id: string };
export type Write = { readonly [T in TableName]: WriteOf<T> }[TableName];

/** One record that changed at `index`. Several changes of one record may carry the same index: one entry, one batch. */
export type ChangeOf<T extends TableName> =
  | {
      readonly kind: "put";
      readonly table: T;
      readonly id: string;
      readonly index: Index;
      /** Undefined when the record is new. */
      readonly previous: Records[T] | undefined;
      readonly current: Records[T];
    }
  | {
      readonly kind: "delete";
      readonly table: T;
      readonly id: string;
      readonly index: Index;
      readonly previous: Records[T];
      readonly current?: undefined;
    };
export type Change = { readonly [T in TableName]: ChangeOf<T> }[TableName];

/** All changes of one raft entry, in order. */
export interface ChangeBatch {
  readonly index: Index;
  readonly changes: readonly Change[];
}
