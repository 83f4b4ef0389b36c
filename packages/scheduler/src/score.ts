import type { Millis } from "@murmur/base";
import type { Strategy } from "./decision.ts";
import { mixHashes } from "./hash.ts";
import { FAILURES_MAX, type NodeLoad } from "./node-load.ts";
import type { Requirement } from "./requirement.ts";

/** How well a node suits a task, as numbers to be compared. */
export class Score {
  readonly load: NodeLoad;
  /** Recent failures of the service here, once they are too many to be chance; else 0. */
  readonly penalty: number;
  readonly failures: number;
  readonly tie: number;
  tasksOfService: number;
  tasks: number;
  /** Once the task is here; 0 to 1. */
  freeShare: number;

  constructor(load: NodeLoad, requirement: Requirement, options: { now: Millis; serviceHash: number }) {
    this.load = load;
    this.failures = load.failuresOf(requirement, options.now);
    this.penalty = this.failures >= FAILURES_MAX ? this.failures : 0;
    this.tie = mixHashes(load.hash, options.serviceHash);
    this.tasksOfService = load.wantedOf(requirement.serviceId);
    this.tasks = load.wanted;
    this.freeShare = load.freeShareAfter(requirement);
  }

  /** Brings the score up to date after a placement. */
  update(requirement: Requirement): void {
    this.tasksOfService = this.load.wantedOf(requirement.serviceId);
    this.tasks = this.load.wanted;
    this.freeShare = this.load.freeShareAfter(requirement);
  }
}

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
