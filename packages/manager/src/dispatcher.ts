import { codeOf, type Clock, type Log, type NodeId, type Scope } from "@murmur/base";
import {
  partsOf,
  payloadKey,
  type ClusterFacts,
  type EndpointPart,
  type Index,
  type InternalCommand,
  type ReportMessage,
  type Sealed,
} from "@murmur/model";
import { EndpointComputer } from "@murmur/discovery";
import type { Change, Store, Watch } from "@murmur/store";
import { concernsAgent, isAssigned } from "./assigned-task.ts";
import { clusterFacts } from "./cluster-facts.ts";
import { concernsNode, ownNode } from "./own-node.ts";
import { PayloadNeeds } from "./payload-needs.ts";
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
  /** A secret's bytes in base64; undefined when this manager has no key that opens them. */
  readonly unseal: (secret: Sealed) => string | undefined;
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
  readonly #needs: PayloadNeeds;
  #flushDue = false;
  #facts: ClusterFacts;

  constructor(options: DispatcherOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    this.#batcher = new ReportBatcher(options, scope);
    this.#needs = new PayloadNeeds(options);
    this.#watch = options.store.watch({ limit: WATCH_LIMIT, onReady: () => this.#flushSoon() });
    this.#facts = clusterFacts(options.store.view);
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

  /** This manager may open secrets by now that it couldn't before. */
  keysChanged(): void {
    for (const session of this.#sessions.values()) session.payloadsChanged();
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
      payloads: () => this.#needs.of(channel.nodeId),
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
        const { description, engine, address, volumes, certificate } = report;
        const command = {
          kind: "describeNode",
          id: nodeId,
          now,
          ...(description === undefined ? {} : { description }),
          ...(engine === undefined ? {} : { engine }),
          ...(address === undefined ? {} : { address }),
          ...(volumes === undefined ? {} : { volumes }),
          ...(certificate === undefined ? {} : { certificate }),
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
      this.#facts = clusterFacts(this.#options.store.view);
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
        if (change.table === "secrets" || change.table === "configs") this.#payloadChanged(change);
        if (change.table === "services") this.#serviceChanged(change);
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
    if (this.#needs.differIn(change)) session.payloadsChanged();
    if (change.kind === "delete") return session.taskChanged(task.id, undefined);
    if (concernsAgent(change.previous, change.current)) session.taskChanged(task.id, change.current);
  }

  /** A service's login may change: who is to pull now needs the new one. */
  #serviceChanged({ previous, current }: Extract<Change, { table: "services" }>): void {
    const id = current?.id ?? previous?.id;
    if (id === undefined || previous?.registryAuth === current?.registryAuth) return;
    for (const session of this.#sessions.values()) session.payloadRenewed(payloadKey({ kind: "login", id }));
  }

  /** A new one is used by nobody yet, and bytes never change. */
  #payloadChanged({ kind, table, id }: Extract<Change, { table: "secrets" | "configs" }>): void {
    if (kind !== "delete") return;
    const key = payloadKey({ kind: table === "secrets" ? "secret" : "config", id });
    for (const session of this.#sessions.values()) session.payloadsChanged(key);
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
    const facts = clusterFacts(this.#options.store.view);
    if (JSON.stringify(facts) === JSON.stringify(this.#facts)) return;
    this.#facts = facts;
    for (const session of this.#sessions.values()) session.clusterChanged(facts);
  }
}
