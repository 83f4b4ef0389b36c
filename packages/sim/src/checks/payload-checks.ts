import type { NodeId } from "@murmur/base";
import {
  configId,
  isLater,
  payloadKey,
  payloadsOf,
  secretId,
  type PayloadUse,
  type Task,
  type TaskId,
} from "@murmur/model";
import type { SimulatedRuntime, TaskFile } from "@murmur/agent";
import type { View } from "@murmur/store";
import { contentsOf } from "../workload/payloads.ts";
import type { Judge, Named } from "./violation.ts";

/** What these checks look at on a host. */
export interface PayloadHost extends Named {
  readonly engine: Pick<SimulatedRuntime, "deniedPulls">;
  readonly files: {
    readonly changes: number;
    tasks(): readonly TaskId[];
    of(task: TaskId): readonly TaskFile[] | undefined;
  };
  readonly member:
    { readonly identity: { readonly nodeId: NodeId }; readonly agent: { payloads(): readonly string[] } } | undefined;
}

/** A node holds no secret or config that none of its tasks has ever used, and no file holds anything but its own. */
export class PayloadChecks {
  readonly #judge: Judge;
  /** What a task on the node has used, as far as any replica has ever shown it. */
  readonly #used = new Map<NodeId, Set<string>>();
  readonly #tasks = new Map<TaskId, Task>();
  readonly #seen = new Map<PayloadHost, number>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** A replica shows a task. */
  task(task: Task): void {
    const uses = payloadsOf(task.spec.container);
    if (task.nodeId === undefined) return;
    const used = this.#used.get(task.nodeId) ?? new Set();
    this.#used.set(task.nodeId, used);
    used.add(payloadKey({ kind: "login", id: task.serviceId }));
    if (uses.length === 0) return;
    this.#tasks.set(task.id, task);
    for (const use of uses) used.add(payloadKey(use));
  }

  look(host: PayloadHost): void {
    const { member, files } = host;
    const held = member?.agent.payloads();
    if (member !== undefined && held !== undefined && held.length > 0)
      this.#checkHeld(host, member.identity.nodeId, held);
    const denied = host.engine.deniedPulls[0];
    if (denied !== undefined)
      this.#judge.refuse("a pull brings its service's login", host, `it was to pull ${denied} without`, "it has one");
    if (this.#seen.get(host) === files.changes) return;
    const known = files.tasks().map((id) => this.#checkFiles(host, id, files.of(id) ?? []));
    // Files of a task that nobody has shown are looked at again until somebody does.
    if (known.every(Boolean)) this.#seen.set(host, files.changes);
  }

  #checkHeld(host: PayloadHost, node: NodeId, held: readonly string[]): void {
    const used = this.#used.get(node);
    for (const key of held) {
      if (used?.has(key) !== true)
        this.#judge.refuse("a node holds what its tasks use", host, `it holds ${key}`, "none of its tasks uses it");
    }
  }

  /** Says whether the task is known. */
  #checkFiles(host: PayloadHost, id: TaskId, files: readonly TaskFile[]): boolean {
    const task = this.#tasks.get(id);
    // Its manager has crashed, on the same host and in the same moment, before anybody saw what it had applied.
    if (task === undefined) return false;
    const wanted = payloadsOf(task.spec.container).map(({ name }) => contentsOf(name));
    const found = files.map(({ bytes }) => new TextDecoder().decode(bytes));
    if (wanted.join() !== found.join())
      this.#judge.refuse("a task finds what it uses", host, `${id} finds ${found.join()}`, `it uses ${wanted.join()}`);
    return true;
  }
}

/**
 * At rest every node holds exactly what its tasks use, in memory and as files. What a task uses and no service any more, as
 * while an update is paused, may have been removed: as in Docker.
 */
export function unmetPayloads(view: View, hosts: readonly PayloadHost[]): string[] {
  return hosts.flatMap(({ member, files, name }) => {
    if (member === undefined) return [];
    const running = view
      .tasksOfNode(member.identity.nodeId)
      .filter(({ status, spec }) => status.state === "running" && payloadsOf(spec.container).length > 0);
    const uses = running.flatMap(({ spec }) => payloadsOf(spec.container));
    const isThere = ({ kind, id }: PayloadUse): boolean =>
      (kind === "secret" ? view.secret(secretId(id)) : view.config(configId(id))) !== undefined;
    const wanted = [...new Set(uses.filter(isThere).map(payloadKey))].sort();
    const pending = view.tasksOfNode(member.identity.nodeId).filter(({ status }) => !isLater(status.state, "ready"));
    const logins = new Set(pending.map(({ serviceId: id }) => payloadKey({ kind: "login", id })));
    const held = member.agent
      .payloads()
      .filter((key) => !logins.has(key))
      .sort();
    const [tasks, kept] = [running.map(({ id }) => id).sort(), [...files.tasks()].sort()];
    return [
      ...(wanted.join() === held.join() ? [] : [`${name} holds ${held.join(" ")}, its tasks use ${wanted.join(" ")}`]),
      ...(tasks.join() === kept.join() ? [] : [`${name} has files of ${kept.join(" ")}, wanted: ${tasks.join(" ")}`]),
    ];
  });
}
