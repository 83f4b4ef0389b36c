import { assert, ClusterError, type Clock } from "@murmur/base";
import type { Task, TaskId, TaskStatus } from "@murmur/model";
import { EngineNetworks } from "../engine-networks.ts";
import type { Abortable, Container, ContainerNetworks, EngineNetwork, TaskNetworks } from "../ports.ts";
import type { SimulatedRuntime } from "../simulated-runtime.ts";

export interface NetworkFaults {
  /** Error texts: every such call is refused with it. */
  prepareError?: string;
  attachError?: string;
  /** Nothing is answered for as long as this is set. */
  attachHangs?: boolean;
}

const LABELS = { "murmur.cluster.id": "stub" };
const ATTACH_MS = 30;

/**
 * The overlay's side of one node, for tests: it makes the engine's networks and keeps account of what was attached.
 * What is attached is an agent's, and begins anew with the next one.
 */
export class StubNetworks implements TaskNetworks {
  readonly faults: NetworkFaults = {};
  /** What must never happen. */
  readonly violations: string[] = [];
  readonly calls: string[] = [];
  /** The processes that `attach` has resolved for. */
  readonly #everAttached = new Set<string>();
  readonly #engine: SimulatedRuntime;
  readonly #networks: EngineNetworks;
  readonly #clock: Clock;
  /** By task, the process that `attach` was called for, until `detach`. */
  #attached = new Map<TaskId, string>();
  /** What was prepared, until it is attached or detached. */
  #prepared = new Set<TaskId>();
  /** What was told to run when the agent began, until it is attached or detached. */
  #expected = new Set<TaskId>();

  constructor(engine: SimulatedRuntime, clock: Clock) {
    this.#engine = engine;
    this.#networks = new EngineNetworks(engine, clock);
    this.#clock = clock;
  }

  /** The processes that are attached now. */
  get attached(): ReadonlyMap<TaskId, string> {
    return this.#attached;
  }

  /** What is waited for now. */
  get expected(): ReadonlySet<TaskId> {
    return this.#expected;
  }

  begin(): void {
    this.#attached = new Map();
    this.#prepared = new Set();
    this.#expected = new Set();
  }

  expect(tasks: readonly TaskId[]): void {
    this.#expected = new Set(tasks);
  }

  async prepare(task: Task, options: Abortable): Promise<ContainerNetworks> {
    this.calls.push("prepare");
    const { prepareError } = this.faults;
    if (prepareError !== undefined) throw new ClusterError("unavailable", prepareError);
    const networks = task.networks.map(({ networkId }) => engineNetwork(networkId));
    for (const network of networks) await this.#networks.ensureNetwork(network, options);
    this.#prepared.add(task.id);
    return {
      attached: networks.map(({ name }, index) => {
        const address = task.addresses?.[index];
        assert(address !== undefined, "a task has an address in each of its networks");
        return { name, ...address, mac: "02:42:00:00:00:01" };
      }),
    };
  }

  async attach(task: Task, container: Container, { signal }: Abortable): Promise<void> {
    const process = processOf(container);
    this.calls.push("attach");
    const present = this.#attached.get(task.id);
    if (present !== undefined && present !== process) this.#violated("another process is attached", task.id);
    if (container.pid === 0 || container.netns === undefined) this.#violated("attached without a process", task.id);
    this.#attached.set(task.id, process);
    this.#prepared.delete(task.id);
    this.#expected.delete(task.id);
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
      if (!this.faults.attachHangs) this.#clock.setTimer(ATTACH_MS, resolve);
    });
    const { attachError } = this.faults;
    if (attachError !== undefined) throw new ClusterError("failed_precondition", attachError);
    if (!this.#runs(process)) throw new ClusterError("not_found", "no such network namespace");
    this.#everAttached.add(process);
  }

  detach(task: TaskId): void {
    this.calls.push("detach");
    const process = this.#attached.get(task);
    if (this.#expected.delete(task) && process === undefined) return;
    if (this.#prepared.delete(task) && process === undefined) return;
    if (process === undefined) return this.#violated("detached without having been attached", task);
    if (this.#runs(process)) this.#violated("detached while its process runs", task);
    this.#attached.delete(task);
  }

  async tidy(tasks: () => readonly Task[], options: Abortable): Promise<void> {
    for (const name of await this.#networks.networks(LABELS, options)) {
      const needed = tasks().flatMap((task) => task.networks.map(({ networkId }) => engineNetwork(networkId).name));
      if (needed.includes(name)) continue;
      await this.#networks.removeNetwork(name, options).catch((error: unknown) => {
        if (!(error instanceof ClusterError) || error.code !== "failed_precondition") throw error;
      });
    }
  }

  /** The agent has told the managers this of a task. */
  reported(task: TaskId, { state, containerId, pid }: TaskStatus): void {
    if (state !== "running") return;
    const process = processOf({ id: containerId ?? "", pid: pid ?? 0 });
    if (!this.#everAttached.has(process)) this.#violated("reported running unattached", task);
  }

  #runs(process: string): boolean {
    return this.#engine.containers().some((container) => container.live && processOf(container.show()) === process);
  }

  #violated(what: string, task: TaskId): void {
    this.violations.push(`${what}: ${task}`);
  }
}

/** One run of a container, as a text. */
export const processOf = ({ id, pid }: Pick<Container, "id" | "pid">): string => `${id} ${String(pid)}`;

function engineNetwork(id: string): EngineNetwork {
  const octet = String(1 + (id.codePointAt(0) ?? 0) - "a".charCodeAt(0));
  const ipv4 = { subnet: `10.64.${octet}.0/24`, gateway: `10.64.${octet}.1`, range: `10.64.${octet}.1/32` };
  return { name: `murmur.${id}`, labels: LABELS, bridge: `mm${id}`, ipv4, mtu: 1450, internal: false };
}
