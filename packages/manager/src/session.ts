import { BoundedQueue, type NodeId } from "@murmur/base";
import type {
  AssignmentMessage,
  ClusterFacts,
  EndpointPart,
  Index,
  OwnNode,
  ReportMessage,
  SessionMessage,
  Task,
  TaskId,
} from "@murmur/model";
import { PayloadFeed, type NeededPayloads } from "./payload-feed.ts";
import type { SessionChannel } from "./ports.ts";

/** What a full assignment is made of, read from the replica in one go. */
export interface NodeAssignment {
  readonly version: Index;
  readonly node: OwnNode;
  readonly tasks: readonly Task[];
  readonly cluster: ClusterFacts;
}

/** Where a session reads what it has to tell. */
export interface SessionSource {
  /** The node's assignment of this moment; undefined when the node was removed. */
  assignment(): NodeAssignment | undefined;
  /** What the present endpoints are beside those of a version, in parts; from 0: all. Never empty. */
  endpoints(since: Index): readonly EndpointPart[];
  /** The secrets and configs that the node's tasks use at this moment. */
  payloads(): NeededPayloads;
}

/** What changed for one node since its last message. Bounded by the node's tasks: only the latest of each is kept. */
interface Pending {
  readonly tasks: Map<TaskId, Task | undefined>;
  node: OwnNode | undefined;
  cluster: ClusterFacts | undefined;
}

/** Confirmations that wait for a slow agent; beyond them the oldest is dropped, and the agent reports anew. */
const ACKNOWLEDGEMENTS_MAX = 4_096;

const nothing = (): Pending => ({ tasks: new Map(), node: undefined, cluster: undefined });

/**
 * One agent's session: sends a full assignment first, then one delta at a time, each with all that has changed while
 * the one before was on its way. So a slow agent costs memory for its own tasks only, and never misses a change. The same
 * of the endpoints, from what the agent has said it has, and of secrets and configs; both go before the tasks that may
 * need them.
 */
export class Session {
  readonly nodeId: NodeId;
  readonly #channel: SessionChannel;
  readonly #source: SessionSource;
  readonly #payloads: PayloadFeed;
  #pending: Pending = nothing();
  #needsFull = true;
  #sent: Index = 0;
  #acknowledged: Index = 0;
  /** The endpoints that the agent has, or will have once what was sent has come. */
  #endpoints: Index;
  #endpointsDue = true;
  #isGreeted = false;
  /** Of the change that is being sent. */
  #parts: EndpointPart[] = [];
  readonly #acknowledgements = new BoundedQueue<number>({ limit: ACKNOWLEDGEMENTS_MAX, onFull: "drop-oldest" });
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(channel: SessionChannel, source: SessionSource) {
    this.nodeId = channel.nodeId;
    this.#channel = channel;
    this.#source = source;
    this.#endpoints = channel.endpoints;
    this.#payloads = new PayloadFeed(() => source.payloads());
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
  endpointsChanged(): void {
    this.#endpointsDue = true;
    this.#wakeWriter();
  }
  /** Its tasks may use other secrets and configs than before; `key`: only if it has this one. */
  payloadsChanged(key?: string): void {
    if (key !== undefined && !this.#payloads.has(key)) return;
    this.#payloads.changed();
    this.#wakeWriter();
  }
  /** What a payload holds is another now: it is sent again where it is still needed. */
  payloadRenewed(key: string): void {
    this.#payloads.renewed(key);
    this.#wakeWriter();
  }
  clusterChanged(cluster: ClusterFacts): void {
    this.#pending.cluster = cluster;
    this.#wakeWriter();
  }
  /** The replica's own feed lost track: the assignment is sent anew, and what the endpoints are since. */
  resync(): void {
    this.#needsFull = true;
    this.#payloads.startOver();
    this.endpointsChanged();
  }
  /** The agent lost track: everything is sent anew. */
  startOver(): void {
    this.#parts = [];
    this.#endpoints = 0;
    this.#isGreeted = false;
    this.resync();
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
    if (this.#needsFull && this.#source.assignment() === undefined) return { kind: "removed" };
    const part = this.#nextPart();
    if (part !== undefined) return { kind: "endpoints", ...part };
    const payloads = this.#payloads.next();
    if (payloads !== undefined) return payloads;
    if (this.#needsFull) return this.#full();
    const { tasks, node, cluster } = this.#pending;
    if (tasks.size === 0 && node === undefined && cluster === undefined) return undefined;
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
      ...(cluster === undefined ? {} : { cluster }),
    };
    this.#pending = nothing();
    this.#sent = message.version;
    return message;
  }

  /**
   * A change that has begun is sent to its end; what has changed meanwhile is one more after it. The first goes out also
   * when it is empty: see `EndpointMessage`.
   */
  #nextPart(): EndpointPart | undefined {
    if (this.#parts.length === 0 && this.#endpointsDue) {
      this.#endpointsDue = false;
      const parts = this.#source.endpoints(this.#endpoints);
      if (this.#isGreeted && parts.every(isEmpty)) return undefined;
      this.#isGreeted = true;
      this.#parts = [...parts];
    }
    const part = this.#parts.shift();
    if (part !== undefined) this.#endpoints = part.version;
    return part;
  }

  #full(): AssignmentMessage {
    this.#needsFull = false;
    this.#pending = nothing();
    const assignment = this.#source.assignment();
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

/** A whole table never is: it may replace something. */
const isEmpty = ({ from, networks, services, removedNetworks, removedServices }: EndpointPart): boolean =>
  from > 0 && [networks, services, removedNetworks, removedServices].every((list) => list.length === 0);
