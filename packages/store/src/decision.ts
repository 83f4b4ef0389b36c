import type { Millis } from "@murmur/base";
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
import type { TableName, Write } from "./change.ts";
import type { Refusal } from "./result.ts";
import { restartKey, type State } from "./state.ts";

/** What a decision is made from: the state, read only, and the place and time of the command. */
export interface Context {
  readonly state: State;
  readonly index: Index;
  readonly now: Millis;
}

/** What a command does, decided and not yet done: nothing is half done when a later check refuses. */
export type Decision = Refusal | { readonly ok: true; readonly id?: string; readonly writes: readonly Write[] };

export function accepted(id: string | undefined, writes: readonly Write[] = []): Decision {
  return id === undefined ? { ok: true, writes } : { ok: true, id, writes };
}

export const putCluster = (current: Cluster): Write => ({ kind: "put", table: "cluster", id: current.id, current });
export const putNode = (current: ClusterNode): Write => ({ kind: "put", table: "nodes", id: current.id, current });
export const putNetwork = (current: Network): Write => ({ kind: "put", table: "networks", id: current.id, current });
export const putSecret = (current: Secret): Write => ({ kind: "put", table: "secrets", id: current.id, current });
export const putConfig = (current: Config): Write => ({ kind: "put", table: "configs", id: current.id, current });
export const putService = (current: Service): Write => ({ kind: "put", table: "services", id: current.id, current });
export const putTask = (current: Task): Write => ({ kind: "put", table: "tasks", id: current.id, current });
export const putRestarts = (current: RestartHistory): Write => ({
  kind: "put",
  table: "restarts",
  id: restartKey(current.serviceId, current.slot),
  current,
});
export const remove = (table: TableName, id: string): Write => ({ kind: "delete", table, id });
