import type { NodeId } from "@murmur/base";
import type { Task } from "@murmur/model";
import { chooseAmong, chooseFirst, chooseInTurn, type Chooser } from "./chooser.ts";
import type { Decision, ScheduleOptions } from "./decision.ts";
import { explain, explainRequirement } from "./explain.ts";
import { FreeAddresses } from "./free-addresses.ts";
import type { Homes } from "./homes.ts";
import { leftBehind } from "./left-behind.ts";
import { FILTERS, isAdmitted, type Filter } from "./filter.ts";
import type { NodeLoad } from "./node-load.ts";
import type { NodeSet } from "./node-set.ts";
import { rankingKey } from "./ranking.ts";
import { asksForTheSame, groupKey, requirementOf, type Requirement } from "./requirement.ts";
import { ORDERS, Score } from "./score.ts";
import { spreadTree } from "./spread-tree.ts";

/**
 * Finds nodes for pending tasks, in their order; each decision takes the ones before it into account. Tasks that ask
 * for the same are filtered and scored once. A task that was made for a node gets that node or none.
 *
 * Tasks for which there was no time (`looksMax`) have no decision.
 *
 * The node set is as before when this returns: what was placed comes into it as the store's changes, once committed.
 * So the next call must wait until the commands of this one have been applied or are known to be lost.
 */
export function schedule(nodes: NodeSet, pending: readonly Task[], options: ScheduleOptions): Decision[] {
  const batch = new Batch(nodes, options);
  const looksMax = options.looksMax ?? Infinity;
  for (const group of groupsOf(pending, nodes.homes)) {
    if (batch.looks >= looksMax) break;
    batch.placeGroup(group);
  }
  batch.undo();
  return batch.decisions;
}

/** The tasks that ask for the same, in the order of the first of each group. */
function groupsOf(pending: readonly Task[], homes: Homes): Iterable<readonly Task[]> {
  const groups = new Map<string, Task[]>();
  let last: { readonly task: Task; readonly group: Task[] } | undefined;
  for (const task of pending) {
    // Those of one service mostly come one after the other.
    if (last === undefined || !asksForTheSame(last.task, task)) {
      const key = groupKey(task, homes);
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      last = { task, group };
    }
    last.group.push(task);
  }
  return groups.values();
}

class Batch {
  readonly decisions: Decision[] = [];
  /** How often a node was looked at. */
  looks = 0;
  readonly #nodes: NodeSet;
  readonly #options: ScheduleOptions;
  readonly #addresses: FreeAddresses;
  /** Why tasks that look at no node's tasks fit nowhere, by their kind. */
  readonly #reasons = new Map<string, string>();
  readonly #placed: { load: NodeLoad; requirement: Requirement }[] = [];

  constructor(nodes: NodeSet, options: ScheduleOptions) {
    this.#nodes = nodes;
    this.#options = options;
    this.#addresses = new FreeAddresses(options.networks);
  }

  placeGroup(group: readonly Task[]): void {
    const [first] = group;
    if (first === undefined) return;
    const requirement = requirementOf(first, this.#nodes, this.#options.strategy);
    const filters = FILTERS.filter((filter) => filter.applies(requirement));
    const free: Task[] = [];
    for (const task of group) {
      if (task.nodeId === undefined) free.push(task);
      else this.#admit(task, { nodeId: task.nodeId, requirement, filters });
    }
    if (free.length > 0) this.#place(free, requirement, filters);
  }

  undo(): void {
    for (const { load, requirement } of this.#placed) this.#nodes.unplace(load, requirement);
    this.#placed.length = 0;
  }

  /** A task of a global service: its node is given, and must have room. */
  #admit(task: Task, given: { nodeId: NodeId; requirement: Requirement; filters: readonly Filter[] }): void {
    const { nodeId, requirement, filters } = given;
    const load = this.#nodes.load(nodeId);
    if (load === undefined || !isAdmitted(load, requirement, filters)) {
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
    const again = filters.filter(({ looksAt }) => looksAt !== "node");
    const take = (score: Score): boolean => {
      this.#take(score.load, requirement);
      score.readTasks(requirement);
      return isAdmitted(score.load, requirement, again);
    };
    let reason: string | undefined;
    for (const task of tasks) {
      reason ??= this.#addresses.lack(task.networks);
      const chosen = reason === undefined ? chooser.next(take) : undefined;
      if (chosen !== undefined) {
        this.#addresses.take(task.networks);
        const [taskId, nodeId] = [task.id, chosen.load.id];
        const leftVolumes = leftBehind(this.#nodes, requirement, chosen.load);
        this.decisions.push(leftVolumes === undefined ? { taskId, nodeId } : { taskId, nodeId, leftVolumes });
        continue;
      }
      reason ??= this.#whyNowhere(requirement, filters);
      this.decisions.push({ taskId: task.id, reason });
    }
  }

  #chooser(requirement: Requirement, filters: readonly Filter[]): Chooser {
    const order = ORDERS[requirement.strategy];
    const ranking = this.#nodes.ranking(requirement);
    const byTasks = filters.filter(({ looksAt }) => looksAt === "tasks");
    const scoreOf = (load: NodeLoad): Score | undefined => {
      this.looks += 1;
      if (!isAdmitted(load, requirement, byTasks)) return undefined;
      return Score.ofService(load, requirement, this.#options.now);
    };
    const scoresOf = (loads: Iterable<NodeLoad>): Score[] => {
      const scores: Score[] = [];
      for (const load of loads) {
        const score = scoreOf(load);
        if (score !== undefined) scores.push(score);
      }
      return scores;
    };
    const concerned = this.#concernedBy(requirement);
    if (requirement.preferences.length > 0) {
      const scores = scoresOf(ranking.loads());
      const others = new Set<NodeLoad>(this.#nodes.loads());
      for (const { load } of scores) others.delete(load);
      const tasksOf = (load: NodeLoad): number => load.wantedOf(requirement.serviceId);
      // Data comes before spreading, also over what the user spreads over.
      const holders = scores.filter(({ volumes }) => volumes > 0);
      for (const { load } of holders) others.add(load);
      const rest = holders.length === 0 ? scores : scores.filter(({ volumes }) => volumes === 0);
      const tree = (): Chooser =>
        spreadTree(rest, others, { preferences: requirement.preferences, order, tasksOf, step: 1 });
      if (holders.length === 0) return tree();
      // Whose data is taken is one of the rest from then on.
      const leave = (score: Score): boolean => {
        if (score.volumes > 0) return true;
        rest.push(score);
        others.delete(score.load);
        return false;
      };
      return chooseInTurn(chooseAmong(holders, order), { keep: leave, makeSecond: tree });
    }
    // A service on most nodes has an order of its own, in which its tasks count; its failures are looked at beside it.
    const isOnMost = 2 * concerned.size > ranking.size;
    if (isOnMost && requirement.volumes.length > 0) return chooseAmong(scoresOf(ranking.loads()), order);
    const ranked = isOnMost ? this.#nodes.rankingOfService(requirement) : ranking;
    const known = new Set<NodeLoad>();
    for (const load of concerned) {
      if ((!isOnMost || load.hasFailuresOf(requirement.serviceId)) && ranked.has(load)) known.add(load);
    }
    return chooseFirst(scoresOf(known), ranked.inOrder(), {
      order,
      scoreOf: (load) => (known.has(load) ? undefined : scoreOf(load)),
    });
  }

  /** The nodes that are to this service not like to any other. */
  #concernedBy({ serviceId, volumes }: Requirement): ReadonlySet<NodeLoad> {
    const concerned = this.#nodes.concernedBy(serviceId);
    if (volumes.length === 0) return concerned;
    const all = new Set(concerned);
    for (const name of volumes) for (const load of this.#nodes.holdersOf(name)) all.add(load);
    return all;
  }

  /** Tasks that ask for the same are told the same, unless it matters which tasks a node has. */
  #whyNowhere(requirement: Requirement, filters: readonly Filter[]): string {
    const key = filters.some(({ looksAt }) => looksAt === "tasks") ? undefined : rankingKey(requirement);
    const known = key === undefined ? undefined : this.#reasons.get(key);
    if (known !== undefined) return known;
    this.looks += this.#nodes.size;
    const { message } = explainRequirement(requirement, this.#nodes.loads());
    if (key !== undefined) this.#reasons.set(key, message);
    return message;
  }

  #take(load: NodeLoad, requirement: Requirement): void {
    this.#nodes.place(load, requirement);
    this.#placed.push({ load, requirement });
  }
}
