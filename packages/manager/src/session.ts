import { BoundedQueue, type NodeId } from "@murmur/base";
import type {
  AssignmentMessage,
  ClusterFacts,
  EndpointTable,
  Index,
  OwnNode,
  ReportMessage,
  SessionMessage,
  Task,
  TaskId,
} from "@murmur/model";
import type { SessionChannel } from "./ports.ts";

/** What a full assignment is made of, read from the replica in one go. */
export interface NodeAssignment {
  readonly version: Index;
  readonly node: OwnNode;
  readonly tasks: readonly Task[];
  readonly endpoints: EndpointTable;
  readonly cluster: ClusterFacts;
}

/** What changed for one node since its last message. Bounded by the node's tasks: only the latest of each is kept. */
interface Pending {
  readonly tasks: Map<TaskId, Task | undefined>;
  node: OwnNode | undefined;
  endpoints: EndpointTable | undefined;
  cluster: ClusterFacts | undefined;
}

/** Confirmations that wait for a slow agent; beyond them the oldest is dropped, and the agent reports anew. */
const ACKNOWLEDGEMENTS_MAX = 4_096;

const nothing = (): Pending => ({ tasks: new Map(), node: undefined, endpoints: undefined, cluster: undefined });

/**
 * One agent's session: sends a full assignment first, then one delta at a time, each with all that has changed while
 * the one before was on its way. So a slow agent costs memory for its own tasks only, and never misses a change.
 */
export class Session {
  readonly nodeId: NodeId;
  readonly #channel: SessionChannel;
  readonly #readFull: () => NodeAssignment | undefined;
  #pending: Pending = nothing();
  #needsFull = true;
  #sent: Index = 0;
  #acknowledged: Index = 0;
  readonly #acknowledgements = new BoundedQueue<number>({ limit: ACKNOWLEDGEMENTS_MAX, onFull: "drop-oldest" });
  #wake: (() => void) | undefined;
  #closed = false;

  /** `readFull` reads the node's assignment of this moment; undefined when the node was removed. */
  constructor(channel: SessionChannel, readFull: () => NodeAssignment | undefined) {
    this.nodeId = channel.nodeId;
    this.#channel = channel;
    this.#readFull = readFull;
  }

  get closed(): boolean {
    return this.#closed;
  }
  /** The version of the assignment that the agent holds for certain. */
  get acknowledged(): Index {
    return this.#acknowledged;
  }
  get reports(): AsyncIterable<ReportMessage> {
    return this.#channel.reports;
  }

  taskChanged(id: TaskId, task: Task | undefined): void {
    this.#pending.tasks.set(id, task);
    this.#wakeWriter();
  }
  nodeChanged(node: OwnNode): void {
    this.#pending.node = node;
    this.#wakeWriter();
  }
  endpointsChanged(endpoints: EndpointTable): void {
    this.#pending.endpoints = endpoints;
    this.#wakeWriter();
  }
  clusterChanged(cluster: ClusterFacts): void {
    this.#pending.cluster = cluster;
    this.#wakeWriter();
  }
  /** The agent lost track, or the replica's own feed did: everything is sent anew. */
  resync(): void {
    this.#needsFull = true;
    this.#wakeWriter();
  }
  acknowledgedBy(version: Index): void {
    this.#acknowledged = Math.max(this.#acknowledged, version);
  }
  /** Tells the agent that a report of its is committed. */
  committed(sequence: number): void {
    this.#acknowledgements.push(sequence);
    this.#wakeWriter();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#channel.close();
    this.#wakeWriter();
  }

  /** Sends until the session is closed or its connection lost. `version` reads the replica's version. */
  async write(version: () => Index): Promise<void> {
    while (!this.#closed) {
      const message = this.#next(version());
      if (message === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      await this.#channel.write(message);
      if (message.kind === "removed") this.close();
    }
  }

  #next(version: Index): SessionMessage | undefined {
    const sequence = this.#acknowledgements.shift();
    if (sequence !== undefined) return { kind: "committed", sequence };
    if (this.#needsFull) return this.#full();
    const { tasks, node, endpoints, cluster } = this.#pending;
    if (tasks.size === 0 && node === undefined && endpoints === undefined && cluster === undefined) return undefined;
    const updated: Task[] = [];
    const removed: TaskId[] = [];
    for (const [id, task] of tasks) {
      if (task === undefined) removed.push(id);
      else updated.push(task);
    }
    const message: AssignmentMessage = {
      kind: "delta",
      from: this.#sent,
      version: Math.max(version, this.#sent),
      updated,
      removed,
      ...(node === undefined ? {} : { node }),
      ...(endpoints === undefined ? {} : { endpoints }),
      ...(cluster === undefined ? {} : { cluster }),
    };
    this.#pending = nothing();
    this.#sent = message.version;
    return message;
  }

  #full(): AssignmentMessage {
    this.#needsFull = false;
    this.#pending = nothing();
    const assignment = this.#readFull();
    if (assignment === undefined) return { kind: "removed" };
    this.#sent = assignment.version;
    return { kind: "full", ...assignment };
  }

  #wakeWriter(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
