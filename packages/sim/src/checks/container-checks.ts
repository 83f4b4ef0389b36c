import type { Millis, NodeId } from "@murmur/base";
import type { SimulatedContainer } from "@murmur/agent";
import type { TaskId } from "@murmur/model";
import type { TaskTruth } from "./task-truth.ts";
import type { Judge, Named } from "./violation.ts";

/** What these checks look at on a host. */
export interface EngineHost extends Named {
  readonly engine: { readonly changes: number; containers(): readonly SimulatedContainer[] };
  readonly member: { readonly identity: { readonly nodeId: NodeId } } | undefined;
}

/**
 * A container that was told to stop although its task is wanted, as far as any replica has shown, may still be right:
 * what was committed may not have been seen yet. By then it is known.
 */
const DOUBT_MS: Millis = 10_000;

/** What agents may not do with containers, whatever happens. Looks at an engine only when something there has changed. */
export class ContainerChecks {
  readonly #judge: Judge;
  readonly #truth: TaskTruth;
  readonly #seen = new Map<EngineHost, { changes: number; live: readonly SimulatedContainer[] }>();
  /** The container that each task was run in. */
  readonly #started = new Map<TaskId, { readonly container: string; readonly host: string }>();
  readonly #running = new Map<TaskId, { readonly host: EngineHost; readonly container: SimulatedContainer }>();
  readonly #doubts = new Map<TaskId, { readonly host: EngineHost; readonly at: Millis }>();

  constructor(judge: Judge, truth: TaskTruth) {
    this.#judge = judge;
    this.#truth = truth;
    truth.onUnwanted = (id, why) => this.#unwanted(id, why);
  }

  look(host: EngineHost): void {
    const { engine } = host;
    const seen = this.#seen.get(host);
    if (seen?.changes === engine.changes) return;
    for (const { request } of seen?.live ?? [])
      if (this.#running.get(request.task.id)?.host === host) this.#running.delete(request.task.id);
    const containers = engine.containers();
    const live = containers.filter((container) => container.live);
    this.#seen.set(host, { changes: engine.changes, live });
    for (const container of live) this.#checkAlone(host, container);
    for (const container of containers) if (container.starts > 0) this.#checkStarts(host, container);
  }

  /** A process tells its engine to stop a container. */
  signalled(host: EngineHost, containerId: string): void {
    const container = host.engine.containers().find(({ id }) => id === containerId);
    if (container === undefined || !container.live) return;
    const { id } = container.request.task;
    const task = this.#truth.get(id);
    const own = host.member?.identity.nodeId;
    // The container of a node that this host was once is nobody's; one that is unwell is replaced.
    if (own === undefined || container.request.node.nodeId !== own || container.show().health === "unhealthy") return;
    if (task?.wanted === true && task.nodeId === own && !this.#doubts.has(id))
      this.#doubts.set(id, { host, at: this.#judge.now });
  }

  /** The user or the cluster takes this host's node out: it stops what it has. */
  leaves(host: EngineHost): void {
    for (const [id, doubt] of this.#doubts) if (doubt.host === host) this.#doubts.delete(id);
  }

  /** Doubts that have lasted long enough are none any more. */
  settle(): void {
    for (const [id, { host, at }] of this.#doubts) {
      if (this.#judge.now - at < DOUBT_MS) return;
      this.#doubts.delete(id);
      if (this.#truth.get(id)?.wanted === true) this.#refuseStop(host, id, at);
    }
  }

  #unwanted(id: TaskId, why: "wish" | "end"): void {
    const doubt = this.#doubts.get(id);
    if (doubt === undefined) return;
    this.#doubts.delete(id);
    // It has ended because it was stopped, before anybody wanted that.
    if (why === "end") this.#refuseStop(doubt.host, id, doubt.at);
  }

  #refuseStop(host: EngineHost, id: TaskId, at: Millis): never {
    const fact = `at ${(at / 1_000).toFixed(4)} s it told the container of task ${id} to stop`;
    this.#judge.refuse("an agent stops only what is not wanted any more", host, fact, "the task is wanted there");
  }

  #checkStarts(host: EngineHost, { request, id, starts, name }: SimulatedContainer): void {
    if (starts > 1) {
      const fact = `${name} was started ${String(starts)} times`;
      this.#judge.refuse("a container is started once", host, fact, "a task is one attempt");
    }
    const known = this.#started.get(request.task.id);
    if (known === undefined) this.#started.set(request.task.id, { container: id, host: host.name });
    if (known === undefined || (known.container === id && known.host === host.name)) return;
    const fact = `${name} was started there as ${id.slice(-8)}`;
    const other = `it was started on ${known.host} as ${known.container.slice(-8)}`;
    this.#judge.refuse("a task is run in one container", host, fact, other);
  }

  #checkAlone(host: EngineHost, container: SimulatedContainer): void {
    const { id } = container.request.task;
    const other = this.#running.get(id);
    this.#running.set(id, { host, container });
    // What runs on another engine may have ended since that one was looked at.
    if (other === undefined || other.container === container || !other.container.live) return;
    const fact = `task ${id} runs there in ${container.name}`;
    this.#judge.refuse("a task has one running container", host, fact, `it runs on ${other.host.name}, too`);
  }
}
