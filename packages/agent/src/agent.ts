import { Scope, sleep, type Clock, type Log, type Millis, type NodeId, type Random } from "@murmur/base";
import type {
  AssignmentMessage,
  ClusterFacts,
  EndpointMessage,
  EndpointTable,
  EngineStatus,
  NodeSpec,
  OwnNode,
  SessionMessage,
} from "@murmur/model";
import { assign, type Assignment } from "./assignment.ts";
import { describe } from "./description.ts";
import { EndpointCopy } from "./endpoint-copy.ts";
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from "./engine.ts";
import type { EngineInfo, KeyValue, NodeContext, Runtime, Sessions, TaskNetworks, Withdrawals } from "./ports.ts";
import { Reports } from "./reports.ts";
import { decodeSaved, encodeSaved, type SavedTasks, type SavedView } from "./saved-state.ts";
import { Saver } from "./saver.ts";
import { SessionLoop } from "./session-loop.ts";
import { Worker, type MakerStanding } from "./worker.ts";

export interface AgentOptions {
  /** Who this node is, and where its tasks are reached. */
  readonly node: NodeContext;
  /** Left out: the engine's. */
  readonly hostname?: string;
  readonly murmurVersion: string;
  /** The versions of the wire protocol that this node speaks. */
  readonly protocol: { readonly min: number; readonly max: number };
  /** Of `NodeDescription`, as it is now. */
  readonly subnets?: () => readonly string[];
  /** `IP:port` of this node's peer transport, reported to the managers. */
  readonly address?: string;
  /** What gossip says of another node. */
  readonly verdict: (id: NodeId) => "alive" | "dead" | "unheard";
  readonly runtime: Runtime;
  readonly sessions: Sessions;
  readonly withdrawals: Withdrawals;
  /** Given on nodes of the `overlay` plane. */
  readonly networks?: TaskNetworks;
  /** Keeps two records, `agent.tasks` and `agent.view`. */
  readonly store: KeyValue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<EngineLimits>;
  /** Between two pings of the engine, and between two lists of its containers: the nets below the event stream. */
  readonly pingEveryMs?: Millis;
  readonly listEveryMs?: Millis;
}

export interface AgentStats {
  readonly tasks: number;
  readonly connected: boolean;
  readonly engine: EngineStatus;
  readonly engineCallsRunning: number;
  readonly engineCallsWaiting: number;
  /** Facts that no manager has confirmed yet. */
  readonly reportsPending: number;
}

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
  readonly #savers: { readonly tasks: Saver; readonly view: Saver };
  readonly #endpointListeners = new Set<(table: EndpointTable) => void>();
  readonly #factsListeners = new Set<(facts: ClusterFacts) => void>();
  readonly #removedListeners = new Set<() => void>();
  /** What the deltas of this session build on. */
  #held: Assignment | undefined;
  readonly #endpoints = new EndpointCopy();
  #facts: ClusterFacts | undefined;
  #nodeSpec: NodeSpec | undefined;
  #info: EngineInfo | undefined;
  #removal: "no" | "stopping" | "done" = "no";

  constructor(options: AgentOptions) {
    this.#options = options;
    const { clock, random, log, store } = options;
    this.#scope = new Scope(log);
    this.#worker = new Worker({
      ...options,
      limits: { ...DEFAULT_ENGINE_LIMITS, ...options.limits },
      pingEveryMs: options.pingEveryMs ?? 5_000,
      listEveryMs: options.listEveryMs ?? 30_000,
      onStatus: (id, status) => {
        this.#reports.status(id, status);
        this.#sessions.wake();
        this.#savers.tasks.changed();
      },
      onEngine: () => this.#reportNode(),
      onInfo: (info) => {
        this.#info = info;
        this.#reportNode();
      },
      standing: (maker) => this.#standing(maker),
      onGone: (id) => this.#reports.drop(id),
      onIdle: () => this.#finishRemoval(),
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
        this.#endpoints.begin();
        this.#reportNode();
      },
      onMessage: (message) => this.#onMessage(message),
    });
    const saver = (key: string, gatherMs: Millis, encode: () => Uint8Array): Saver =>
      new Saver({ store, key, gatherMs, encode, clock, log });
    this.#savers = {
      tasks: saver(TASKS_KEY, 100, () => encodeSaved<SavedTasks>({ tasks: this.#worker.tasks() })),
      view: saver(VIEW_KEY, 2_000, () => encodeSaved<SavedView>(this.#view())),
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

  /** Stops all tasks because this node leaves its cluster; resolves when their containers are gone, or after a minute. */
  retire(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#removal === "done") return resolve();
      const unsubscribe = this.onRemoved(() => finish(resolve));
      const onAbort = (): void => finish(() => reject(asError(signal.reason)));
      const finish = (settle: () => void): void => {
        unsubscribe();
        signal.removeEventListener("abort", onAbort);
        settle();
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
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
  #correctNode({ engine, address }: OwnNode): void {
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

  /**
   * Who has labelled a container of this engine. No two nodes that are up have one address: a node that is not, and had
   * this node's before, was this host. One that is up has moved since, and its record hasn't followed yet. A host that has
   * both lost its disk and moved is known by its name alone; that is less certain, so it has to be so for a while.
   */
  #standing(maker: NodeId): MakerStanding {
    const { node, address, verdict } = this.#options;
    const nodes = this.#facts?.nodes ?? [];
    const record = nodes.find(({ id }) => id === maker);
    if (record === undefined) return this.#held !== undefined && this.#sessions.connected ? "unknown" : "other";
    const presence = verdict(maker);
    if (presence === "alive") return "other";
    if (record.address === address) return presence === "dead" ? "former" : "unknown";
    const own = nodes.find(({ id }) => id === node.nodeId);
    return own?.hostname === record.hostname ? "unknown" : "other";
  }

  #reportNode(): void {
    const { node, hostname, murmurVersion, protocol, address, subnets } = this.#options;
    const own = {
      murmurVersion,
      protocol,
      ...(hostname !== undefined && { hostname }),
      ...(subnets !== undefined && { subnets: subnets() }),
    };
    this.#reports.node({
      engine: this.#worker.engine,
      ...(this.#info !== undefined && { description: describe(this.#info, node, own) }),
      ...(address !== undefined && { address }),
    });
    this.#sessions.wake();
  }

  #beginRemoval(): void {
    if (this.#removal !== "no") return;
    this.#removal = "stopping";
    const { clock, log } = this.#options;
    log.warn("this node was removed from the cluster: its containers are being stopped");
    this.#worker.replace([]);
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

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error("aborted"));
