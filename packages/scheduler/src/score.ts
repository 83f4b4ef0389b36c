import type { Millis } from "@murmur/base";
import type { Strategy } from "./decision.ts";
import { mixHashes } from "./hash.ts";
import { FAILURES_MAX, type NodeLoad } from "./node-load.ts";
import type { Requirement } from "./requirement.ts";

/** How well a node suits a task, as numbers to be compared; `update` brings them up to date after a placement. */
export class Score {
  readonly load: NodeLoad;
  /** Recent failures of the service here, once they are too many to be chance; else 0. */
  readonly penalty: number;
  readonly failures: number;
  readonly tie: number;
  tasksOfService = 0;
  tasks = 0;
  /** Mean of the shares of CPU and of memory that are not reserved once the task is here; 0 to 1. */
  freeShare = 0;

  constructor(load: NodeLoad, requirement: Requirement, options: { now: Millis; serviceHash: number }) {
    this.load = load;
    this.failures = load.failuresOf(requirement, options.now);
    this.penalty = this.failures >= FAILURES_MAX ? this.failures : 0;
    this.tie = mixHashes(load.hash, options.serviceHash);
    this.update(requirement);
  }

  update(requirement: Requirement): void {
    const { load } = this;
    const total = load.node?.description?.resources;
    this.tasksOfService = load.wantedOf(requirement.serviceId);
    this.tasks = load.wanted;
    const cpu = share(load.freeNanoCpus - requirement.nanoCpus, total?.nanoCpus ?? 0);
    const memory = share(load.freeMemoryBytes - requirement.memoryBytes, total?.memoryBytes ?? 0);
    this.freeShare = (cpu + memory) / 2;
  }
}

const share = (free: number, total: number): number => (total > 0 ? free / total : 0);

/** Whether a node that scores `a` is chosen before one that scores `b`. Total: no two nodes are equal. */
export type Order = (a: Score, b: Score) => boolean;

const spread: Order = (a, b) => {
  if (a.penalty !== b.penalty) return a.penalty < b.penalty;
  if (a.tasksOfService !== b.tasksOfService) return a.tasksOfService < b.tasksOfService;
  if (a.failures !== b.failures) return a.failures < b.failures;
  if (a.freeShare !== b.freeShare) return a.freeShare > b.freeShare;
  if (a.tasks !== b.tasks) return a.tasks < b.tasks;
  return comesFirst(a, b);
};

const binpack: Order = (a, b) => {
  if (a.penalty !== b.penalty) return a.penalty < b.penalty;
  if (a.failures !== b.failures) return a.failures < b.failures;
  if (a.freeShare !== b.freeShare) return a.freeShare < b.freeShare;
  if (a.tasks !== b.tasks) return a.tasks > b.tasks;
  return comesFirst(a, b);
};

/** The id decides last, so that the order never depends on how the nodes were listed. */
const comesFirst: Order = (a, b) => (a.tie === b.tie ? a.load.id < b.load.id : a.tie < b.tie);

/**
 * The one order of nodes, best first; read backwards it says where a task is missed least.
 * `spread`: fewest tasks of the service, fewest recent failures, largest free share, fewest tasks.
 * `binpack`: fewest recent failures, smallest free share that still fits, most tasks.
 */
export const ORDERS: Readonly<Record<Strategy, Order>> = { spread, binpack };
