import { ClusterError, Scope, sleep, type Millis } from "@murmur/base";
import type {
  AssignmentMessage,
  ClusterFacts,
  EndpointMessage,
  EndpointTable,
  NodeCertificate,
  NodeSpec,
  OwnNode,
  SessionMessage,
} from "@murmur/model";
import type { AgentOptions, AgentStats } from "./agent-options.ts";
import { assign, type Assignment } from "./assignment.ts";
import { describe } from "./description.ts";
import { EndpointCopy } from "./endpoint-copy.ts";
import { DEFAULT_ENGINE_LIMITS } from "./engine.ts";
import { HeldVolumes } from "./held-volumes.ts";
import { Payloads } from "./payloads.ts";
import type { EngineInfo } from "./ports.ts";
import type { TemplateNode } from "./render-task.ts";
import { Reports } from "./reports.ts";
import { decodeSaved, encodeSavedTasks, encodeSavedView, type SavedTasks, type SavedView } from "./saved-state.ts";
import { Saver } from "./saver.ts";
import { SessionLoop } from "./session-loop.ts";
import { subscribe } from "./subscribe.ts";
import { standingOf } from "./maker-standing.ts";
import { Worker } from "./worker.ts";

const TASKS_KEY = "agent.tasks";
const VIEW_KEY = "agent.view";
/** How long a node that was removed from its cluster waits for its containers to stop before it says so. */
const REMOVAL_LIMIT_MS: Millis = 60_000;

/**
 * One node's part in the cluster: it runs the tasks that the managers assign to it and tells them what it sees. It
 * listens for assignments on a session with any manager, and goes on with what it has while there is none.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #scope: Scope;
  readonly #reports = new Reports();
  readonly #worker: Worker;
  readonly #sessions: SessionLoop;
  readonly #volumes: HeldVolumes;
  readonly #savers: { readonly tasks: Saver; readonly view: Saver };
  readonly #endpointListeners = new Set<(table: EndpointTable) => void>();
  readonly #factsListeners = new Set<(facts: ClusterFacts) => void>();
  readonly #removedListeners = new Set<() => void>();
  /** What the deltas of this session build on. */
  #held: Assignment | undefined;
  readonly #endpoints = new EndpointCopy();
  /** Never saved: a secret is in memory, or not here. */
  readonly #payloads = new Payloads();
  #facts: ClusterFacts | undefined;
  #nodeSpec: NodeSpec | undefined;
  #info: EngineInfo | undefined;
  #removal: "no" | "stopping" | "done" = "no";
  /** Somebody has forced this node to leave: then what runs here is killed, not stopped. */
  #isForced = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { clock, random, log, store } = options;
    this.#scope = new Scope(log);
    this.#worker = new Worker({
      ...options,
      limits: { ...DEFAULT_ENGINE_LIMITS, ...options.limits },
      pingEveryMs: options.pingEveryMs ?? 5_000,
      listEveryMs: options.listEveryMs ?? 30_000,
      saved: () => this.#savers.tasks.saved(),
      onStatus: (id, status) => {
        this.#reports.status(id, status);
        this.#sessions.wake();
        this.#savers.tasks.changed();
        if (status.state === "starting" && this.#volumes.makes(this.#worker.task(id))) this.#worker.lookAgain();
      },
      onEngine: () => this.#reportNode(),
      onInfo: (info) => {
        this.#info = info;
        this.#reportNode();
      },
      onVolumes: (volumes) => {
        if (this.#volumes.listed(volumes)) this.#reportNode();
      },
      payloads: this.#payloads,
      templateNode: () => this.#templateNode(),
      standing: (maker) =>
        standingOf(maker, {
          own: options.node.nodeId,
          address: options.address,
          nodes: this.#facts?.nodes ?? [],
          verdict: options.verdict,
          isInformed: this.#held !== undefined && this.#sessions.connected,
        }),
      onGone: (id) => this.#reports.drop(id),
      onIdle: () => this.#finishRemoval(),
    });
    this.#volumes = new HeldVolumes({
      clusterId: options.node.clusterId,
      tasks: () => this.#worker.tasks(),
      node: () => this.#templateNode(),
    });
    this.#sessions = new SessionLoop({
      sessions: options.sessions,
      reports: this.#reports,
      clock,
      random,
      log,
      endpoints: () => this.#endpoints.base,
      onOpen: () => {
        this.#held = undefined;
        this.#payloads.begin();
        this.#endpoints.begin();
        this.#reportNode();
      },
      onMessage: (message) => this.#onMessage(message),
    });
    const saver = (key: string, gatherMs: Millis, encode: () => Uint8Array): Saver =>
      new Saver({ store, key, gatherMs, encode, clock, log });
    this.#savers = {
      tasks: saver(TASKS_KEY, 100, () => encodeSavedTasks({ tasks: this.#worker.tasks() })),
      view: saver(VIEW_KEY, 2_000, () => encodeSavedView(this.#view())),
    };
  }

  /** Takes up what was saved, then works until `stop`. Rejects when the store can't be read. */
  async start(): Promise<void> {
    const { store } = this.#options;
    const tasks = decodeSaved<SavedTasks>(await store.get(TASKS_KEY));
    const view = decodeSaved<SavedView>(await store.get(VIEW_KEY));
    if (view?.cluster !== undefined) this.#showFacts(view.cluster);
    if (view?.endpoints !== undefined) {
      this.#endpoints.restore(view.endpoints);
      this.#showEndpoints(view.endpoints);
    }
    this.#worker.restore(tasks?.tasks ?? []);
    this.#worker.start();
    this.#scope.run("save tasks", (signal) => this.#savers.tasks.run(signal));
    this.#scope.run("save view", (signal) => this.#savers.view.run(signal));
    this.#scope.run("sessions", (signal) => this.#sessions.run(signal));
  }

  /** Ends the agent. The containers run on. */
  async stop(): Promise<void> {
    await this.#worker.stop();
    await this.#scope[Symbol.asyncDispose]();
  }

  /** Waits until the managers have confirmed all that there is to report, at most `limitMs`; for an orderly stop. */
  async drain(limitMs: Millis): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + limitMs;
    while (this.#reports.size > 0 && clock.monotonic() < until && !this.#scope.closed) {
      await sleep(clock, 10, this.#scope.signal).catch(() => undefined);
    }
  }

  /** The cluster's endpoints as last heard; undefined on a node that has never heard any. */
  endpoints(): EndpointTable | undefined {
    return this.#endpoints.table;
  }

  /** The secrets and configs that this node holds, by `payloadKey`. */
  payloads(): readonly string[] {
    return this.#payloads.keys();
  }

  facts(): ClusterFacts | undefined {
    return this.#facts;
  }

  /** What the user wants of this node, as last heard in this run. */
  nodeSpec(): NodeSpec | undefined {
    return this.#nodeSpec;
  }

  /** Calls the listener, which must not throw, with every new table. Returns how to end that. */
  onEndpoints(listener: (table: EndpointTable) => void): () => void {
    return subscribe(this.#endpointListeners, listener);
  }

  onFacts(listener: (facts: ClusterFacts) => void): () => void {
    return subscribe(this.#factsListeners, listener);
  }

  /**
   * Calls the listener when the cluster has removed this node and its containers are gone, or after a minute in any
   * case. The listener stops the agent and forgets the identity.
   */
  onRemoved(listener: () => void): () => void {
    return subscribe(this.#removedListeners, listener);
  }

  /** The volumes of this node that the managers are told of; none as long as not all is known that this follows from. */
  volumes(): readonly string[] {
    return this.#volumes.names ?? [];
  }

  /** Somebody has made or removed a volume of this node through the cluster. */
  volumesChanged(): void {
    this.#worker.lookAgain();
  }

  /** What this node has of the cluster's authority is another, on the disk: the managers are told. */
  certificateChanged(): void {
    this.#reportNode();
  }

  /**
   * From now on the containers have no grace when this node is out of its cluster: one that leaves, or is removed, stops
   * them, one that somebody forces to leave kills them, as Docker does.
   */
  forceOut(): void {
    this.#isForced = true;
  }

  /**
   * Ends all tasks because this node leaves its cluster; resolves when their containers are gone, or after a minute. There
   * is no way back any more: nothing but the agent's own end calls it off.
   *
   * @throws ClusterError `cancelled` when the agent has been stopped, or is stopped before that
   */
  retire(): Promise<void> {
    const { signal } = this.#scope;
    return new Promise((resolve, reject) => {
      const stopped = (): void => finish(() => reject(new ClusterError("cancelled", "the agent has been stopped")));
      const unsubscribe = this.onRemoved(() => finish(resolve));
      const finish = (settle: () => void): void => {
        unsubscribe();
        signal.removeEventListener("abort", stopped);
        settle();
      };
      if (signal.aborted) return stopped();
      if (this.#removal === "done") return finish(resolve);
      signal.addEventListener("abort", stopped, { once: true });
      this.#beginRemoval();
    });
  }

  stats(): AgentStats {
    return {
      tasks: this.#worker.size,
      connected: this.#sessions.connected,
      engine: this.#worker.engine,
      engineCallsRunning: this.#worker.load.running,
      engineCallsWaiting: this.#worker.load.waiting,
      reportsPending: this.#reports.size,
    };
  }

  #onMessage(message: SessionMessage): void {
    if (message.kind === "committed") return this.#reports.committed(message.sequence);
    if (this.#removal !== "no") return; // this node takes no orders any more
    if (message.kind === "endpoints") return this.#takeEndpoints(message);
    if (message.kind === "payloads") {
      this.#payloads.take(message);
      return this.#worker.payloadsChanged();
    }
    const assigned = assign(this.#held, message);
    switch (assigned.kind) {
      case "gap":
        return this.#resync();
      case "removed":
        return this.#beginRemoval();
      case "applied":
        return this.#apply(assigned.assignment, message);
    }
  }

  #apply(assignment: Assignment, message: AssignmentMessage): void {
    this.#held = assignment;
    this.#nodeSpec = assignment.nodeSpec;
    if (message.kind === "full") {
      this.#payloads.settle();
      this.#worker.replace(message.tasks);
      this.#correct(message.tasks);
    } else if (message.kind === "delta") this.#worker.update(message.updated, message.removed);
    if (message.kind !== "removed" && message.node !== undefined) this.#correctNode(message.node);
    this.#savers.tasks.changed();
    const { cluster, version } = assignment;
    if (this.#facts !== cluster) this.#showFacts(cluster);
    this.#reports.acknowledge(version);
    this.#sessions.wake();
  }

  #takeEndpoints(message: EndpointMessage): void {
    const before = this.#endpoints.table;
    const taken = this.#endpoints.take(message);
    if (taken === "gap") return this.#resync();
    const table = this.#endpoints.table;
    if (table === undefined || table === before) return;
    this.#savers.view.changed();
    // The version alone is news to nobody.
    if (table.services !== before?.services || table.networks !== before.networks) this.#showEndpoints(table);
    // After the data plane, which would ask for a network as long as it knows of it.
    if (before === undefined || lacksNetworkOf(before, table)) this.#worker.networksKnown();
  }

  /** Nothing builds on what is held any more; it stays in use until the managers have sent all anew. */
  #resync(): void {
    this.#held = undefined;
    this.#reports.resync();
    this.#sessions.wake();
  }

  /** Reports what the managers know otherwise than it is: they have lost it, or it changed while no session was. */
  #correct(tasks: Extract<AssignmentMessage, { kind: "full" }>["tasks"]): void {
    for (const { id, status: known } of tasks) {
      const status = this.#worker.status(id);
      if (status === undefined || (status.state === known.state && status.at === known.at)) continue;
      this.#reports.status(id, status);
    }
  }

  /** The same of the node: a report that was held up on its way may have come after a newer one. */
  #correctNode({ engine, address, volumes = [], certificate }: OwnNode): void {
    if (this.#volumes.known(volumes)) this.#reportNode();
    const present = this.#options.certificate?.();
    if (certificate !== undefined && present !== undefined && !isSame(certificate, present)) return this.#reportNode();
    const own = { engine: this.#worker.engine.state, address: this.#options.address };
    const isRight = engine === undefined || engine === own.engine;
    if (isRight && (address === undefined || own.address === undefined || address === own.address)) return;
    this.#reportNode();
  }

  #showFacts(facts: ClusterFacts): void {
    this.#facts = facts;
    this.#savers.view.changed();
    for (const listener of this.#factsListeners) listener(facts);
  }

  #showEndpoints(table: EndpointTable): void {
    for (const listener of this.#endpointListeners) listener(table);
  }

  #view(): SavedView {
    const { table } = this.#endpoints;
    return {
      ...(table !== undefined && { endpoints: table }),
      ...(this.#facts !== undefined && { cluster: this.#facts }),
    };
  }

  #templateNode(): TemplateNode {
    const { hostname, os = "linux", architecture = "" } = this.#info ?? {};
    return { id: this.#options.node.nodeId, hostname: this.#options.hostname ?? hostname ?? "", os, architecture };
  }

  #reportNode(): void {
    const { node, hostname, generic, murmurVersion, protocol, address, subnets, certificate } = this.#options;
    const own = {
      murmurVersion,
      protocol,
      ...(hostname !== undefined && { hostname }),
      ...(generic !== undefined && { generic }),
      ...(subnets !== undefined && { subnets: subnets() }),
    };
    this.#reports.node({
      engine: this.#worker.engine,
      ...this.#volumes.report(),
      ...(this.#info !== undefined && { description: describe(this.#info, node, own) }),
      ...(address !== undefined && { address }),
      ...(certificate !== undefined && { certificate: certificate() }),
    });
    this.#sessions.wake();
  }

  #beginRemoval(): void {
    if (this.#removal !== "no") return;
    this.#removal = "stopping";
    const { clock, log } = this.#options;
    log.warn("this node was removed from the cluster: its containers are being stopped");
    this.#worker.clear({ atOnce: this.#isForced });
    this.#savers.tasks.changed();
    this.#scope.run("removal", async (signal) => {
      await sleep(clock, REMOVAL_LIMIT_MS, signal);
      this.#finishRemoval();
    });
  }

  #finishRemoval(): void {
    if (this.#removal !== "stopping") return;
    this.#removal = "done";
    for (const listener of this.#removedListeners) listener();
  }
}

const isSame = (left: NodeCertificate, right: NodeCertificate): boolean =>
  left.issuer === right.issuer && left.statement === right.statement && left.trusts.join() === right.trusts.join();

/** Whether an older table has a network that a newer one doesn't. */
function lacksNetworkOf(older: EndpointTable, { networks }: EndpointTable): boolean {
  if (networks === older.networks) return false;
  const present = new Set(networks.map(({ id }) => id));
  return older.networks.some(({ id }) => !present.has(id));
}
