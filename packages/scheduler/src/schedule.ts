import type { NodeId } from "@murmur/base";
import type { Task } from "@murmur/model";
import type { Decision, ScheduleOptions } from "./decision.ts";
import { explain, explainRequirement } from "./explain.ts";
import { FreeAddresses } from "./free-addresses.ts";
import { FILTERS, type Filter } from "./filter.ts";
import { hashText } from "./hash.ts";
import type { NodeLoad } from "./node-load.ts";
import type { NodeSet } from "./node-set.ts";
import { groupKey, requirementOf, type Requirement } from "./requirement.ts";
import { ORDERS, Score } from "./score.ts";
import { spreadTree, type Chooser } from "./spread-tree.ts";

/**
 * Finds nodes for pending tasks, in their order; each decision takes the ones before it into account. Tasks that ask
 * for the same are filtered and scored once. A task that was made for a node gets that node or none.
 *
 * The node set is as before when this returns: what was placed comes into it as the store's changes, once committed.
 * So the next call must wait until the commands of this one have been applied or are known to be lost.
 */
export function schedule(nodes: NodeSet, pending: readonly Task[], options: ScheduleOptions): Decision[] {
  const batch = new Batch(nodes, options);
  const groups = new Map<string, Task[]>();
  for (const task of pending) {
    const key = groupKey(task);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  for (const group of groups.values()) batch.placeGroup(group);
  batch.undo();
  return batch.decisions;
}

class Batch {
  readonly decisions: Decision[] = [];
  readonly #nodes: NodeSet;
  readonly #options: ScheduleOptions;
  /** Nodes by what does not change with their load: most services ask for the same. */
  readonly #suiting = new Map<string, readonly NodeLoad[]>();
  readonly #addresses: FreeAddresses;
  readonly #placed: { load: NodeLoad; requirement: Requirement }[] = [];

  constructor(nodes: NodeSet, options: ScheduleOptions) {
    this.#nodes = nodes;
    this.#options = options;
    this.#addresses = new FreeAddresses(options.networks);
  }

  placeGroup(group: readonly Task[]): void {
    const [first] = group;
    if (first === undefined) return;
    const requirement = requirementOf(first, this.#nodes.networks);
    const filters = FILTERS.filter((filter) => filter.applies(requirement));
    const free: Task[] = [];
    for (const task of group) {
      if (task.nodeId === undefined) free.push(task);
      else this.#admit(task, { nodeId: task.nodeId, requirement, filters });
    }
    if (free.length > 0) this.#place(free, requirement, filters);
  }

  undo(): void {
    for (const { load, requirement } of this.#placed) load.unplace(requirement);
    this.#placed.length = 0;
  }

  /** A task of a global service: its node is given, and must have room. */
  #admit(task: Task, given: { nodeId: NodeId; requirement: Requirement; filters: readonly Filter[] }): void {
    const { nodeId, requirement, filters } = given;
    const load = this.#nodes.load(nodeId);
    if (load === undefined || !filters.every((filter) => filter.admits(requirement, load))) {
      this.decisions.push({ taskId: task.id, reason: explain(this.#nodes, task).message });
      return;
    }
    const reason = this.#addresses.lack(task.networks);
    if (reason !== undefined) {
      this.decisions.push({ taskId: task.id, reason });
      return;
    }
    this.#take(load, requirement);
    this.#addresses.take(task.networks);
    this.decisions.push({ taskId: task.id, nodeId });
  }

  #place(tasks: readonly Task[], requirement: Requirement, filters: readonly Filter[]): void {
    const chooser = this.#chooser(requirement, filters);
    const again = filters.filter((filter) => filter.changesWithLoad);
    const take = (score: Score): boolean => {
      this.#take(score.load, requirement);
      score.update(requirement);
      return again.every((filter) => filter.admits(requirement, score.load));
    };
    let reason: string | undefined;
    for (const task of tasks) {
      reason ??= this.#addresses.lack(task.networks);
      const chosen = reason === undefined ? chooser.next(take) : undefined;
      if (chosen !== undefined) {
        this.#addresses.take(task.networks);
        this.decisions.push({ taskId: task.id, nodeId: chosen.load.id });
        continue;
      }
      reason ??= explainRequirement(requirement, this.#nodes.loads()).message;
      this.decisions.push({ taskId: task.id, reason });
    }
  }

  #chooser(requirement: Requirement, filters: readonly Filter[]): Chooser {
    const facts = { now: this.#options.now, serviceHash: hashText(requirement.serviceId) };
    const dynamic = filters.filter((filter) => filter.changesWithLoad);
    const scores: Score[] = [];
    for (const load of this.#suited(requirement, filters)) {
      if (dynamic.every((filter) => filter.admits(requirement, load))) scores.push(new Score(load, requirement, facts));
    }
    const others = new Set<NodeLoad>(requirement.preferences.length > 0 ? this.#nodes.loads() : []);
    for (const { load } of others.size > 0 ? scores : []) others.delete(load);
    return spreadTree(scores, others, {
      preferences: requirement.preferences,
      order: ORDERS[this.#options.strategy ?? "spread"],
      tasksOf: (load) => load.wantedOf(requirement.serviceId),
    });
  }

  /** The nodes that pass the filters which do not depend on load. */
  #suited(requirement: Requirement, filters: readonly Filter[]): readonly NodeLoad[] {
    const { constraints, platforms, plugins, networks } = requirement;
    const key = JSON.stringify([constraints, platforms, plugins, networks]);
    let suited = this.#suiting.get(key);
    if (suited === undefined) {
      const lasting = filters.filter((filter) => !filter.changesWithLoad);
      suited = [...this.#nodes.loads()].filter((load) => lasting.every((filter) => filter.admits(requirement, load)));
      this.#suiting.set(key, suited);
    }
    return suited;
  }

  #take(load: NodeLoad, requirement: Requirement): void {
    load.place(requirement);
    this.#placed.push({ load, requirement });
  }
}
