import { codeOf, type Clock, type Log, type NodeId, type Scope } from "@murmur/base";
import {
  isLater,
  partsOf,
  type ClusterFacts,
  type ClusterNode,
  type EndpointPart,
  type Index,
  type InternalCommand,
  type OwnNode,
  type ReportMessage,
  type Task,
} from "@murmur/model";
import { EndpointComputer } from "@murmur/discovery";
import type { Change, Store, Watch } from "@murmur/store";
import type { SessionChannel } from "./ports.ts";
import { ReportBatcher } from "./report-batcher.ts";
import { Session, type NodeAssignment } from "./session.ts";

/** Changes that may wait for the dispatcher; beyond that every session gets a full assignment. */
const WATCH_LIMIT = 65_536;
/** Statuses of one command: with messages of the greatest length it still fits an entry. */
const STATUSES_PER_COMMAND = 64;
/** Of a message with endpoints, about; a session's other messages go between two. */
const PART_BYTES_MAX = 512 * 1024;

export interface DispatcherOptions {
  readonly store: Store;
  readonly submit: (commands: readonly InternalCommand[]) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Serves the agents' sessions from this manager's replica: full assignment, then deltas; reports go back in batches.
 * Every manager has one; it writes nothing but what its agents report.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #scope: Scope;
  readonly #sessions = new Map<NodeId, Session>();
  readonly #watch: Watch;
  /** Kept up while there are sessions: for nobody, a table of a hundred thousand endpoints is not computed. */
  #endpoints: EndpointComputer | undefined;
  /** The change that was asked for last: most sessions want the same one. */
  #change: { readonly since: Index; readonly version: Index; readonly parts: readonly EndpointPart[] } | undefined;
  readonly #batcher: ReportBatcher;
  #flushDue = false;
  #facts: ClusterFacts;

  constructor(options: DispatcherOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    this.#batcher = new ReportBatcher(options, scope);
    this.#watch = options.store.watch({ limit: WATCH_LIMIT, onReady: () => this.#flushSoon() });
    this.#facts = this.#readFacts();
    scope.defer(() => this.#watch.close());
    scope.defer(() => this.closeAll());
  }

  /** Whether this manager has a live session with a node. */
  has(id: NodeId): boolean {
    return this.#sessions.get(id)?.closed === false;
  }
  get sessions(): number {
    return this.#sessions.size;
  }
  /** The nodes that this manager has live sessions with. */
  nodes(): readonly NodeId[] {
    return [...this.#sessions].filter(([, session]) => !session.closed).map(([id]) => id);
  }
  /** Reports that wait to be committed. */
  get waitingReports(): number {
    return this.#batcher.size;
  }

  closeAll(): void {
    for (const session of this.#sessions.values()) session.close();
  }

  /** Serves one session until it is lost. A newer session of a node replaces the older one. */
  async serve(channel: SessionChannel): Promise<void> {
    const { log } = this.#options;
    if (this.#scope.closed) return channel.close();
    this.#flush();
    const computer = (this.#endpoints ??= new EndpointComputer(this.#options.store.view));
    const session = new Session(channel, {
      assignment: () => this.#assignment(channel.nodeId),
      endpoints: (since) => this.#changesSince(since, computer),
    });
    this.#sessions.get(channel.nodeId)?.close();
    this.#sessions.set(channel.nodeId, session);
    log.info("session opened", { node: channel.nodeId });
    try {
      const writing = session
        .write(() => this.#options.store.view.version)
        .catch((error: unknown) =>
          log.debug("session lost while writing", { node: channel.nodeId, code: codeOf(error) }),
        )
        .finally(() => session.close());
      await this.#markReady(channel.nodeId);
      for await (const report of session.reports) {
        if (session.closed) break;
        await this.#take(session, report);
      }
      session.close();
      await writing;
    } finally {
      session.close();
      if (this.#sessions.get(channel.nodeId) === session) this.#sessions.delete(channel.nodeId);
      log.info("session closed", { node: channel.nodeId });
    }
  }

  async #take(session: Session, report: ReportMessage): Promise<void> {
    const { nodeId } = session;
    const now = this.#options.clock.now();
    switch (report.kind) {
      case "acknowledge":
        return session.acknowledgedBy(report.version);
      case "resync":
        return session.startOver();
      case "tasks":
        return this.#takeStatuses(session, report);
      case "node": {
        const { description, engine, address } = report;
        const command = {
          kind: "describeNode",
          id: nodeId,
          now,
          ...(description === undefined ? {} : { description }),
          ...(engine === undefined ? {} : { engine }),
          ...(address === undefined ? {} : { address }),
        } as const;
        return this.#batcher.add(
          command,
          () => session.committed(report.sequence),
          () => session.closed,
        );
      }
      default:
        // A newer agent may say more than this manager understands; it is told nothing and keeps its report.
        this.#options.log.warn("unknown report", { node: nodeId });
    }
  }

  /** In parts that fit an entry each, however long the messages are; confirmed when the last part is committed. */
  async #takeStatuses(session: Session, report: Extract<ReportMessage, { kind: "tasks" }>): Promise<void> {
    const { nodeId } = session;
    const now = this.#options.clock.now();
    const { statuses, sequence } = report;
    let open = Math.max(1, Math.ceil(statuses.length / STATUSES_PER_COMMAND));
    const done = (): void => {
      open -= 1;
      if (open === 0) session.committed(sequence);
    };
    for (let at = 0; at === 0 || at < statuses.length; at += STATUSES_PER_COMMAND) {
      const part = statuses.slice(at, at + STATUSES_PER_COMMAND);
      await this.#batcher.add({ kind: "reportTasks", nodeId, statuses: part, now }, done, () => session.closed);
    }
  }

  async #markReady(id: NodeId): Promise<void> {
    const node = this.#options.store.view.node(id);
    if (node === undefined || node.status.state === "ready") return;
    const command = { kind: "setNodeState", id, state: "ready", message: "", now: this.#options.clock.now() } as const;
    await this.#batcher.add(
      command,
      () => {},
      () => !this.has(id),
    );
  }

  #assignment(id: NodeId): NodeAssignment | undefined {
    const { view } = this.#options.store;
    const node = view.node(id);
    if (node === undefined) return undefined;
    return {
      version: view.version,
      node: ownNode(node),
      tasks: view.tasksOfNode(id).filter(isAssigned),
      cluster: this.#facts,
    };
  }

  #changesSince(since: Index, computer: EndpointComputer): readonly EndpointPart[] {
    const { version } = computer;
    if (this.#change?.since !== since || this.#change.version !== version) {
      this.#change = { since, version, parts: partsOf(computer.changesSince(since), PART_BYTES_MAX) };
    }
    return this.#change.parts;
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    // After the whole entry, and its fellows of the same turn, have been applied.
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushDue = false;
    if (this.#scope.closed) return;
    const events = this.#watch.drain();
    if (this.#sessions.size === 0) this.#forgetEndpoints();
    const haveChanged = this.#endpoints?.update(events) === true;
    if (events.kind === "resync") {
      this.#facts = this.#readFacts();
      for (const session of this.#sessions.values()) {
        session.resync();
        if (!session.closed) this.#markReadySoon(session.nodeId);
      }
      return;
    }
    let nodesChanged = false;
    for (const { changes } of events.batches) {
      for (const change of changes) {
        if (change.table === "tasks") this.#taskChanged(change);
        if (change.table === "nodes" || change.table === "cluster") nodesChanged = true;
        if (change.table === "nodes") this.#nodeChanged(change);
      }
    }
    if (nodesChanged) this.#refreshFacts();
    if (!haveChanged) return;
    for (const session of this.#sessions.values()) session.endpointsChanged();
  }

  #forgetEndpoints(): void {
    this.#endpoints = undefined;
    this.#change = undefined;
  }

  #taskChanged(change: Extract<Change, { table: "tasks" }>): void {
    const task = change.kind === "put" ? change.current : change.previous;
    const session = task.nodeId === undefined ? undefined : this.#sessions.get(task.nodeId);
    if (session === undefined) return;
    if (change.kind === "delete") return session.taskChanged(task.id, undefined);
    if (concernsAgent(change.previous, change.current)) session.taskChanged(task.id, change.current);
  }

  #nodeChanged(change: Extract<Change, { table: "nodes" }>): void {
    const id = change.kind === "put" ? change.current.id : change.previous.id;
    const session = this.#sessions.get(id);
    if (session === undefined || session.closed) return;
    if (change.kind === "delete") return session.resync();
    if (concernsNode(change.previous, change.current)) session.nodeChanged(ownNode(change.current));
    this.#markReadySoon(id);
  }

  /** A node that has a session is ready, whatever was said of it meanwhile. */
  #markReadySoon(id: NodeId): void {
    if (this.#options.store.view.node(id)?.status.state === "ready") return;
    this.#scope.run("mark node ready", () => this.#markReady(id));
  }

  #refreshFacts(): void {
    const facts = this.#readFacts();
    if (JSON.stringify(facts) === JSON.stringify(this.#facts)) return;
    this.#facts = facts;
    for (const session of this.#sessions.values()) session.clusterChanged(facts);
  }

  #readFacts(): ClusterFacts {
    const { view } = this.#options.store;
    return {
      nodes: view.nodes().map((node) => ({
        id: node.id,
        hostname: node.description?.hostname ?? node.spec.name ?? node.id,
        address: node.address,
        raftRole: node.raftRole,
        ...(node.number !== undefined && { number: node.number }),
      })),
      gossipKeys: view.cluster()?.secrets.gossipKeys ?? [],
    };
  }
}

const ownNode = ({ spec, status, address }: ClusterNode): OwnNode => ({ spec, engine: status.engine.state, address });

/**
 * Whether a change of a node's record is news for its agent. What the agent has said itself comes back to it: a report
 * that was held up on its way may have come after a newer one.
 */
const concernsNode = (previous: ClusterNode | undefined, current: ClusterNode): boolean =>
  previous?.spec !== current.spec ||
  previous.status.engine.state !== current.status.engine.state ||
  previous.address !== current.address;

/** A task made for a node (global services) is the agent's only once the scheduler has found room for it. */
const isAssigned = (task: Task): boolean => task.nodeId !== undefined && !isLater("assigned", task.status.state);

/** Whether a change of a task is news for its agent; the agent's own status, coming back to it, isn't. */
function concernsAgent(previous: Task | undefined, current: Task): boolean {
  if (!isAssigned(current)) return false;
  return (
    previous === undefined ||
    !isAssigned(previous) ||
    previous.desiredState !== current.desiredState ||
    previous.notBefore !== current.notBefore
  );
}
