import type { NodeId } from "@murmur/base";
import type {
  Cluster,
  ClusterNode,
  Config,
  ConfigId,
  Index,
  Network,
  NetworkId,
  RestartHistory,
  Secret,
  SecretId,
  Service,
  ServiceId,
  Task,
  TaskId,
} from "@murmur/model";
import type { AddressUse } from "./address-table.ts";

/**
 * What may be read of the state. Records are immutable: one that was read never changes, a newer one takes its place.
 * The view itself is live: it shows the state after the last applied command, so what must fit together is read without
 * waiting in between. Arrays are never changed after they were returned. Order is that of creation unless said
 * otherwise, the same on every replica.
 */
export interface View {
  /** The index of the last command that was accepted; 0 before the first. */
  readonly version: Index;

  /** Undefined until `createCluster` was applied. */
  cluster(): Cluster | undefined;

  nodes(): readonly ClusterNode[];
  node(id: NodeId): ClusterNode | undefined;
  /**
   * The nodes that a person may mean: the one with this id, else those with this name or host name, else those whose
   * id starts with the text. Several are an ambiguity that the caller reports.
   */
  nodesByNameOrId(text: string): readonly ClusterNode[];

  /** All services, those that are being removed too (`removing`): their tasks still have to stop. */
  services(): readonly Service[];
  service(id: ServiceId): Service | undefined;
  /** The service that holds the name; never one that is being removed. */
  serviceByName(name: string): Service | undefined;

  /** Every task. Not to be held while something is applied: read it to its end at once. */
  tasks(): Iterable<Task>;
  readonly taskCount: number;
  task(id: TaskId): Task | undefined;
  tasksOfService(id: ServiceId): readonly Task[];
  /** The tasks assigned to a node, also to one that was removed, sorted by id. */
  tasksOfNode(id: NodeId): readonly Task[];
  /** A slot is a number (replicated services and jobs) or a node (global ones). Oldest task first. */
  tasksOfSlot(id: ServiceId, slot: number | NodeId): readonly Task[];

  /** All networks, those that are being removed too (`removing`): tasks that have to stop are in them. */
  networks(): readonly Network[];
  network(id: NetworkId): Network | undefined;
  /** The network that holds the name; never one that is being removed. */
  networkByName(name: string): Network | undefined;

  secrets(): readonly Secret[];
  secret(id: SecretId): Secret | undefined;
  secretByName(name: string): Secret | undefined;

  configs(): readonly Config[];
  config(id: ConfigId): Config | undefined;
  configByName(name: string): Config | undefined;

  /** How far the addresses of a network are used up. Undefined in a cluster of the `ports` plane. */
  addressUse(id: NetworkId): AddressUse | undefined;

  restartHistory(id: ServiceId, slot: number | NodeId): RestartHistory | undefined;
}

/** The slot of a task: its number, or its node for a global service's task. Undefined when it has neither. */
export function slotOf(task: Pick<Task, "slot" | "nodeId">): number | NodeId | undefined {
  return task.slot > 0 ? task.slot : task.nodeId;
}
