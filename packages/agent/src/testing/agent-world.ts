import { assert, Inbox, ManualClock, SeededRandom, type Log } from "@murmur/base";
import {
  type NodeDescription,
  isLater,
  networkId,
  nodeNetworkOf,
  payloadKey,
  type AssignedPayload,
  type ClusterFacts,
  type DesiredState,
  type EndpointPart,
  type Index,
  type OwnNode,
  type ReportMessage,
  type SessionMessage,
  type Task,
  type TaskId,
  type TaskStatus,
} from "@murmur/model";
import { Agent } from "../agent.ts";
import type { ContainerRequest, KeyValue, Session, Sessions, Withdrawals } from "../ports.ts";
import type { Program } from "../simulated-container.ts";
import { SimulatedFiles } from "../simulated-files.ts";
import { SimulatedRuntime } from "../simulated-runtime.ts";
import { StubNetworks } from "./stub-networks.ts";
import { SAMPLE_NODE, sampleTask } from "./sample-task.ts";

/** Where the agent's node is. */
export const SAMPLE_ADDRESS = "10.0.0.1:7373";

const NODE: OwnNode = { spec: { labels: {}, availability: "active" } };
/** A manager with one agent: keeps the records, sends assignments, commits reports as the store would. */
class StubManager implements Sessions {
  readonly tasks = new Map<TaskId, Task>();
  readonly payloads = new Map<string, AssignedPayload>();
  /** Every report of a task in order, for checks. */
  readonly heard: string[] = [];
  reachable = true;
  /** Reports are committed only while this holds. */
  quorum = true;
  /** Who is in the cluster, as the agent is told when its next session begins. */
  facts: ClusterFacts = { nodes: [], gossipKeys: [] };
  descriptions = 0;
  /** The last of them. */
  description: NodeDescription | undefined;
  engine = "";
  address = "";
  /** Of the node's record. */
  volumes: readonly string[] = [];
  volumeReports = 0;
  onReport: (id: TaskId, status: TaskStatus) => void = () => {};
  #version = 1;
  #inbox: Inbox<SessionMessage> | undefined;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** What a session begins with that has endpoints of such a version. */
  endpoints: (since: Index) => readonly EndpointPart[] = (from) => [
    {
      from,
      version: Math.max(1, from),
      digest: 0,
      part: 0,
      more: false,
      networks: [],
      services: [],
      removedNetworks: [],
      removedServices: [],
    },
  ];

  open({ endpoints }: { readonly endpoints: Index }): Promise<Session> {
    if (!this.reachable) return Promise.reject(new Error("no manager can be reached"));
    const inbox = new Inbox<SessionMessage>({ limit: 10_000, onFull: "reject" });
    this.#inbox = inbox;
    this.#sendFull(endpoints);
    return Promise.resolve({
      send: (report) => this.#hear(report, inbox),
      messages: read(inbox),
      close: () => inbox.close(),
    });
  }

  /** Breaks the session. */
  hangUp(): void {
    this.#inbox?.close();
    this.#inbox = undefined;
  }

  put(task: Task): void {
    const from = this.#version;
    this.#version += 1;
    const now = this.#clock.now();
    this.tasks.set(task.id, { ...task, updatedAt: now, version: this.#version });
    this.#push({ kind: "delta", from, version: this.#version, updated: [this.get(task.id)], removed: [] });
  }

  want(id: TaskId, desiredState: DesiredState): void {
    this.put({ ...this.get(id), desiredState });
  }

  remove(id: TaskId): void {
    const from = this.#version;
    this.#version += 1;
    this.tasks.delete(id);
    this.#push({ kind: "delta", from, version: this.#version, updated: [], removed: [id] });
  }

  get(id: TaskId): Task {
    const task = this.tasks.get(id);
    assert(task !== undefined, "the task is known");
    return task;
  }

  /** The node's record says something else than the agent has reported. */
  mistake(own: Omit<OwnNode, "spec">): void {
    const from = this.#version;
    this.#version += 1;
    this.#push({ kind: "delta", from, version: this.#version, node: { ...NODE, ...own }, updated: [], removed: [] });
  }

  /** Hands out, or takes away, secrets and configs, in this session and as the first thing of the next. */
  hand(put: readonly AssignedPayload[], removed: readonly string[] = []): void {
    for (const key of removed) this.payloads.delete(key);
    for (const payload of put) this.payloads.set(payloadKey(payload), payload);
    this.#push({ kind: "payloads", isFirst: false, put, removed });
  }

  /** A delta that doesn't fit what the agent holds. */
  skipVersions(): void {
    this.#version += 5;
  }

  expel(): void {
    this.#push({ kind: "removed" });
  }

  /** Endpoints that have changed. */
  tell(parts: readonly EndpointPart[]): void {
    for (const part of parts) this.#push({ kind: "endpoints", ...part });
  }

  #push(message: SessionMessage): void {
    this.#inbox?.push(message);
  }

  #sendFull(endpoints: Index): void {
    this.tell(this.endpoints(endpoints));
    const put = [...this.payloads.values()];
    if (put.length > 0) this.#push({ kind: "payloads", isFirst: true, put, removed: [] });
    const tasks = [...this.tasks.values()];
    this.#push({
      kind: "full",
      version: this.#version,
      node: { ...NODE, volumes: this.volumes },
      tasks,
      cluster: this.facts,
    });
  }

  async #hear(report: ReportMessage, inbox: Inbox<SessionMessage>): Promise<void> {
    await Promise.resolve();
    if (inbox !== this.#inbox) throw new Error("the session is over");
    switch (report.kind) {
      case "acknowledge":
        return;
      case "resync":
        return this.#sendFull(0);
      case "node":
        this.descriptions += report.description === undefined ? 0 : 1;
        this.description = report.description ?? this.description;
        this.engine = report.engine?.state ?? this.engine;
        this.address = report.address ?? this.address;
        this.volumeReports += report.volumes === undefined || report.volumes.join() === this.volumes.join() ? 0 : 1;
        this.volumes = report.volumes ?? this.volumes;
        break;
      case "tasks":
        for (const { id, status } of report.statuses) this.onReport(id, status);
        if (!this.quorum) return;
        for (const { id, status } of report.statuses) {
          const task = this.tasks.get(id);
          this.heard.push(`${id} ${status.state}`);
          if (task !== undefined && !isLater(task.status.state, status.state)) this.tasks.set(id, { ...task, status });
        }
    }
    inbox.push({ kind: "committed", sequence: report.sequence });
  }
}

async function* read(inbox: Inbox<SessionMessage>): AsyncGenerator<SessionMessage> {
  for (let message = await inbox.take(); message !== undefined; message = await inbox.take()) yield message;
}

/** Every task is in one of two networks, every third one in both. */
function placesOf(number: number): Pick<Task, "networks" | "addresses"> {
  const ids = number % 3 === 0 ? ["a", "b"] : [number % 2 === 0 ? "a" : "b"];
  return {
    networks: ids.map((id) => ({ networkId: networkId(id), aliases: [] })),
    addresses: ids.map((id) => ({ ipv4: `10.64.${id === "a" ? "1" : "2"}.${String(number + 1)}` })),
  };
}

export interface AgentWorldOptions {
  readonly seed?: number;
  readonly latencyMs?: number;
  readonly images?: readonly string[];
  readonly registry?: readonly string[];
  readonly passwordOf?: (image: string) => string | undefined;
  readonly program?: (request: ContainerRequest) => Program;
  /** Its tasks have networks of their own. */
  readonly overlay?: boolean;
  /** How long the other nodes take to acknowledge a withdrawal. */
  readonly withdrawalMs?: number;
}

/** One agent with an engine, a manager and a disk, all simulated; the agent can be ended and begun again. */
export class AgentWorld {
  readonly clock = new ManualClock();
  readonly engine: SimulatedRuntime;
  readonly manager: StubManager;
  /** Used when the world is an overlay's. */
  readonly networks: StubNetworks;
  readonly files = new SimulatedFiles();
  readonly disk = new Map<string, Uint8Array>();
  /** What becomes of writes: a full disk refuses them, a silent one answers none before `wakeDisk`. */
  diskState: "good" | "full" | "silent" = "good";
  writes = 0;
  /** What would be an error in the log, which no fault may cause. */
  readonly errors: string[] = [];
  /** What was withdrawn and signalled, in order, each with its time. */
  readonly withdrawn: { readonly id: TaskId; readonly at: number }[] = [];
  /** What gossip says of all other nodes. */
  verdict: "alive" | "dead" | "unheard" = "dead";
  /** Where the node is; changes count from the next start of the agent. */
  dataAddress = SAMPLE_NODE.dataAddress;
  agent: Agent;
  readonly #random: SeededRandom;
  readonly #options: AgentWorldOptions;
  #numbers = 0;
  #awake = Promise.withResolvers<void>();

  constructor(options: AgentWorldOptions = {}) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1);
    this.manager = new StubManager(this.clock);
    this.engine = new SimulatedRuntime({ clock: this.clock, random: this.#random, latencyMs: 20, ...options });
    this.networks = new StubNetworks(this.engine, this.clock);
    if (options.overlay)
      this.manager.onReport = (id, status) => {
        if (nodeNetworkOf(this.manager.get(id).spec) === undefined) this.networks.reported(id, status);
      };
    this.agent = this.#build();
  }

  /** Begins the agent, in the place of an earlier one that has ended. */
  async start(): Promise<void> {
    this.agent = this.#build();
    await this.agent.start();
  }

  /** What has just happened is reacted to before time passes. */
  async pass(ms: number): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) await this.clock.advance(0);
    await this.clock.advance(ms);
  }

  /** Assigns a new task to the node. */
  assign(parts: Parameters<typeof sampleTask>[1] = {}): TaskId {
    const now = this.clock.now();
    const number = (this.#numbers += 1);
    const places = this.#options.overlay ? placesOf(number) : {};
    const task = sampleTask(number, { createdAt: now, updatedAt: now, ...places, ...parts });
    this.manager.put(task);
    return task.id;
  }

  wakeDisk(): void {
    this.diskState = "good";
    this.#awake.resolve();
    this.#awake = Promise.withResolvers();
  }

  state(id: TaskId): string {
    return this.manager.get(id).status.state;
  }

  containersOf(id: TaskId) {
    return this.engine.containers().filter((container) => container.request.task.id === id);
  }

  #build(): Agent {
    const { clock, manager, engine, disk } = this;
    const store: KeyValue = {
      get: (key) => Promise.resolve(disk.get(key)),
      put: (key, value) => this.#put(key, value),
    };
    const ignore = (): void => {};
    const log: Log = { debug: ignore, info: ignore, warn: ignore, error: (text, fields) => this.#fail(text, fields) };
    const options = { murmurVersion: "0", runtime: engine, files: this.files, sessions: manager, store, clock, log };
    const { dataAddress } = this;
    this.networks.begin();
    return new Agent({
      ...options,
      node: { ...SAMPLE_NODE, dataAddress, dataPlane: this.#options.overlay ? "overlay" : "ports" },
      ...(this.#options.overlay && { networks: this.networks }),
      protocol: { min: 1, max: 2 },
      address: SAMPLE_ADDRESS,
      verdict: () => this.verdict,
      withdrawals: this.#withdrawals(),
      random: this.#random,
    });
  }

  #put(key: string, value: Uint8Array): Promise<void> {
    this.writes += 1;
    if (this.diskState === "silent") return this.#awake.promise;
    if (this.diskState === "full") return Promise.reject(new Error("no space left on device"));
    return Promise.resolve(void this.disk.set(key, value));
  }

  #withdrawals(): Withdrawals {
    const { withdrawalMs = 5 } = this.#options;
    return {
      publish: (id) => this.withdrawn.push({ id, at: this.clock.monotonic() }),
      acknowledged: () => new Promise((resolve) => void this.clock.setTimer(withdrawalMs, resolve)),
    };
  }

  #fail(text: string, fields: object | undefined): void {
    this.errors.push(`${text} ${JSON.stringify(fields)}`);
  }
}
