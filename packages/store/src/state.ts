import { assert, nodeId, unreachable, type NodeId } from "@murmur/base";
import {
  configId,
  networkId,
  secretId,
  serviceId,
  taskId,
  type Cluster,
  type ClusterNode,
  type Config,
  type ConfigId,
  type Index,
  type Network,
  type NetworkId,
  type RestartHistory,
  type Secret,
  type SecretId,
  type Service,
  type ServiceId,
  type Task,
  type TaskId,
} from "@murmur/model";
import { AddressTable, type AddressUse } from "./address-table.ts";
import type { Change, ChangeOf, Records, TableName, Write, WriteOf } from "./change.ts";
import { Lookup } from "./lookup.ts";
import { NamedTable } from "./named-table.ts";
import { PortTable } from "./port-table.ts";
import type { ReservedRoom } from "./reserved-room.ts";
import { Table } from "./table.ts";
import { TaskTable } from "./task-table.ts";
import type { View } from "./view.ts";

/** Names a restart history: there is one for each slot of a service. */
export const restartKey = (service: ServiceId, slot: number | NodeId): string => `${service}/${slot}`;

/**
 * The tables and their secondary indexes. It knows no rule: what a command may do is decided beforehand, from this
 * state; `write` then does it, keeping every index in step. Records are never changed, only replaced.
 */
export class State implements View {
  #version: Index;
  #cluster: Cluster | undefined;
  #nodes = new Table<NodeId, ClusterNode>();
  #nodesByName = new Lookup<NodeId>();
  #nodesByKey = new Lookup<NodeId>();
  #nodesByAddress = new Lookup<NodeId>();
  #networks = new Table<NetworkId, Network>();
  /** Without those that are being removed: their names are free. */
  #networksByName = new Lookup<NetworkId>();
  #networksRemoved = new Set<NetworkId>();
  #secrets = new NamedTable<SecretId, Secret>();
  #configs = new NamedTable<ConfigId, Config>();
  #services = new Table<ServiceId, Service>();
  /** Without those that are being removed: their names and ports are free. */
  #servicesByName = new Lookup<ServiceId>();
  #ports = new PortTable();
  #addresses = new AddressTable();
  #tasks = new TaskTable();
  #restarts = new Table<string, RestartHistory>();

  constructor(version: Index = 0) {
    this.#version = version;
  }

  get version(): Index {
    return this.#version;
  }

  cluster(): Cluster | undefined {
    return this.#cluster;
  }

  nodes(): readonly ClusterNode[] {
    return this.#nodes.list();
  }
  node(id: NodeId): ClusterNode | undefined {
    return this.#nodes.get(id);
  }
  nodesByNameOrId(text: string): readonly ClusterNode[] {
    const exact = this.#nodes.get(nodeId(text));
    if (exact !== undefined) return [exact];
    const named = this.#nodesByName.get(text).flatMap((id) => this.#nodes.get(id) ?? []);
    if (named.length > 0 || text === "") return named;
    return this.nodes().filter((node) => node.id.startsWith(text));
  }
  nodeByKey(keyDigest: string): ClusterNode | undefined {
    const id = this.#nodesByKey.get(keyDigest)[0];
    return id === undefined ? undefined : this.#nodes.get(id);
  }
  nodesAt(address: string): readonly ClusterNode[] {
    return this.#nodesByAddress.get(address).flatMap((id) => this.#nodes.get(id) ?? []);
  }

  services(): readonly Service[] {
    return this.#services.list();
  }
  get serviceCount(): number {
    return this.#services.size;
  }
  service(id: ServiceId): Service | undefined {
    return this.#services.get(id);
  }
  serviceByName(name: string): Service | undefined {
    const id = this.#servicesByName.get(name)[0];
    return id === undefined ? undefined : this.#services.get(id);
  }

  tasks(): Iterable<Task> {
    return this.#tasks.values();
  }
  get taskCount(): number {
    return this.#tasks.size;
  }
  task(id: TaskId): Task | undefined {
    return this.#tasks.get(id);
  }
  tasksOfService(id: ServiceId): readonly Task[] {
    return this.#tasks.ofService(id);
  }
  /** Any one task of a service, found in no time however many there are. */
  someTaskOfService(id: ServiceId): Task | undefined {
    return this.#tasks.someOfService(id);
  }
  tasksOfNode(id: NodeId): readonly Task[] {
    return this.#tasks.ofNode(id);
  }
  /** What is reserved on a node by tasks that were given to it and have not ended. */
  reservedOn(id: NodeId): Readonly<ReservedRoom> {
    return this.#tasks.reservedOn(id);
  }
  tasksOfSlot(id: ServiceId, slot: number | NodeId): readonly Task[] {
    return this.#tasks.ofSlot(id, slot);
  }

  networks(): readonly Network[] {
    return this.#networks.list();
  }
  network(id: NetworkId): Network | undefined {
    return this.#networks.get(id);
  }
  networkByName(name: string): Network | undefined {
    const id = this.#networksByName.get(name)[0];
    return id === undefined ? undefined : this.#networks.get(id);
  }

  /**
   * The networks that are being removed and that nobody is in any more, in the order of their creation: a replica that
   * began from a snapshot doesn't know the one in which they were removed.
   */
  get leftNetworks(): readonly NetworkId[] {
    if (this.#networksRemoved.size === 0) return NONE;
    const left = (id: NetworkId): boolean => (this.#addresses.use(id)?.used ?? 0) === 0;
    return this.networks().flatMap(({ id }) => (this.#networksRemoved.has(id) && left(id) ? id : []));
  }

  secrets(): readonly Secret[] {
    return this.#secrets.list();
  }
  secret(id: SecretId): Secret | undefined {
    return this.#secrets.get(id);
  }
  secretByName(name: string): Secret | undefined {
    return this.#secrets.byName(name);
  }
  configs(): readonly Config[] {
    return this.#configs.list();
  }
  config(id: ConfigId): Config | undefined {
    return this.#configs.get(id);
  }
  configByName(name: string): Config | undefined {
    return this.#configs.byName(name);
  }

  addressUse(id: NetworkId): AddressUse | undefined {
    return this.#addresses.use(id);
  }

  restartHistory(id: ServiceId, slot: number | NodeId): RestartHistory | undefined {
    return this.#restarts.get(restartKey(id, slot));
  }
  restarts(): readonly RestartHistory[] {
    return this.#restarts.list();
  }

  /** Who holds which published port. */
  get ports(): PortTable {
    return this.#ports;
  }

  /** Which addresses of each network are in use. */
  get addresses(): AddressTable {
    return this.#addresses;
  }

  /** Takes over all of another state, which must not be used any more: whoever holds this view then sees that one. */
  become(other: State): void {
    this.#version = other.#version;
    this.#cluster = other.#cluster;
    this.#nodes = other.#nodes;
    this.#nodesByName = other.#nodesByName;
    this.#nodesByKey = other.#nodesByKey;
    this.#nodesByAddress = other.#nodesByAddress;
    this.#networks = other.#networks;
    this.#networksByName = other.#networksByName;
    this.#networksRemoved = other.#networksRemoved;
    this.#secrets = other.#secrets;
    this.#configs = other.#configs;
    this.#services = other.#services;
    this.#servicesByName = other.#servicesByName;
    this.#ports = other.#ports;
    this.#addresses = other.#addresses;
    this.#tasks = other.#tasks;
    this.#restarts = other.#restarts;
  }

  /** Does what was decided, as one step. Invariant: the version never goes back. */
  write(index: Index, writes: readonly Write[]): Change[] {
    assert(index >= this.#version, "the log went back");
    if (writes.length > 0) this.#version = index;
    return writes.map((write) => this.#writeOne(index, write));
  }

  #writeOne(index: Index, write: Write): Change {
    switch (write.table) {
      case "cluster":
        return changeOf(index, write, this.#replaceCluster(currentOf(write)));
      case "nodes":
        return changeOf(index, write, this.#replaceNode(nodeId(write.id), currentOf(write)));
      case "networks":
        return changeOf(index, write, this.#replaceNetwork(networkId(write.id), currentOf(write)));
      case "secrets":
        return changeOf(index, write, this.#secrets.replace(secretId(write.id), currentOf(write)));
      case "configs":
        return changeOf(index, write, this.#configs.replace(configId(write.id), currentOf(write)));
      case "services":
        return changeOf(index, write, this.#replaceService(serviceId(write.id), currentOf(write)));
      case "tasks": {
        const current = currentOf(write);
        const previous = current === undefined ? this.#tasks.delete(taskId(write.id)) : this.#tasks.put(current);
        this.#addresses.moveTask(previous, current);
        return changeOf(index, write, previous);
      }
      case "restarts":
        return changeOf(index, write, replace(this.#restarts, write.id, currentOf(write)));
      default:
        return unreachable(write);
    }
  }

  #replaceCluster(current: Cluster | undefined): Cluster | undefined {
    const previous = this.#cluster;
    this.#cluster = current;
    return previous;
  }

  #replaceNode(id: NodeId, current: ClusterNode | undefined): ClusterNode | undefined {
    const previous = replace(this.#nodes, id, current);
    this.#nodesByName.move(id, namesOf(previous), namesOf(current));
    this.#nodesByKey.move(id, previous ? [previous.keyDigest] : [], current ? [current.keyDigest] : []);
    this.#nodesByAddress.move(id, previous ? [previous.address] : [], current ? [current.address] : []);
    return previous;
  }

  #replaceNetwork(id: NetworkId, current: Network | undefined): Network | undefined {
    const previous = replace(this.#networks, id, current);
    const before = previous?.removing === true ? undefined : previous;
    const after = current?.removing === true ? undefined : current;
    this.#networksByName.move(id, before ? [before.spec.name] : [], after ? [after.spec.name] : []);
    if (current?.removing === true) this.#networksRemoved.add(id);
    else this.#networksRemoved.delete(id);
    this.#addresses.moveNetwork(previous, current);
    return previous;
  }

  #replaceService(id: ServiceId, current: Service | undefined): Service | undefined {
    const previous = replace(this.#services, id, current);
    const before = previous?.removing === true ? undefined : previous;
    const after = current?.removing === true ? undefined : current;
    this.#servicesByName.move(id, before ? [before.spec.name] : [], after ? [after.spec.name] : []);
    this.#ports.move(before, after);
    this.#addresses.moveService(previous, current);
    return previous;
  }
}

function replace<Id extends string, R>(table: Table<Id, R>, id: Id, current: R | undefined): R | undefined {
  return current === undefined ? table.delete(id) : table.put(id, current);
}

/** The host name of a node, as far as it is known. */
export const hostnameOf = (node: ClusterNode): string | undefined => node.description?.hostname ?? node.hostname;

/** What people call a node. */
export const nameOfNode = (node: ClusterNode): string => node.spec.name ?? hostnameOf(node) ?? node.id;

function namesOf(node: ClusterNode | undefined): readonly string[] {
  if (node === undefined) return [];
  const names = [node.spec.name, hostnameOf(node)].filter((name) => name !== undefined);
  return [...new Set(names)];
}

const currentOf = <T extends TableName>(write: WriteOf<T>): Records[T] | undefined =>
  write.kind === "put" ? write.current : undefined;

function changeOf<T extends TableName>(index: Index, write: WriteOf<T>, previous: Records[T] | undefined): ChangeOf<T> {
  const { table, id } = write;
  if (write.kind === "put") return { kind: "put", table, id, index, previous, current: write.current };
  assert(previous !== undefined, "only what is there is deleted");
  return { kind: "delete", table, id, index, previous };
}

const NONE: readonly never[] = [];
