import type { Millis } from "@murmur/base";
import type { Strategy } from "@murmur/model";
import { FAILURES_MAX, type NodeLoad } from "./node-load.ts";
import { roomCost } from "./room-cost.ts";
import type { Requirement } from "./requirement.ts";

/** How well a node suits a task, as numbers to be compared. */
export class Score {
  readonly load: NodeLoad;
  /**
   * How many of the volumes that the task mounts are here; a half more where the task before it had them. None where
   * another task of the service works with them: several replicas are spread as ever.
   */
  volumes = 0;
  /** Recent failures of the service here, once they are too many to be chance; else 0. */
  penalty = 0;
  failures = 0;
  tasksOfService = 0;
  tasks = 0;
  /** What it costs to use the node's room for the task. */
  cost = 0;

  constructor(load: NodeLoad) {
    this.load = load;
  }

  /** The score for one service. */
  static ofService(load: NodeLoad, requirement: Requirement, now: Millis): Score {
    const score = new Score(load);
    score.failures = load.failuresOf(requirement, now);
    score.penalty = score.failures >= FAILURES_MAX ? score.failures : 0;
    score.readTasks(requirement);
    return score;
  }

  /** Brings the score up to date after a placement. */
  readTasks(requirement: Requirement): void {
    this.tasksOfService = this.load.wantedOf(requirement.serviceId);
    if (requirement.volumes.length > 0) this.readVolumes(requirement);
    this.readRoom(requirement);
  }

  readVolumes({ volumes, home }: Requirement): void {
    const held = this.load.heldOf(volumes);
    if (held > 0 && home === this.load.id) this.volumes = held + 0.5;
    else this.volumes = this.tasksOfService > 0 ? 0 : held;
  }

  readRoom(requirement: Requirement): void {
    this.tasks = this.load.wanted;
    this.cost = roomCost(this.load, requirement);
  }
}

/** Whether a node that scores `a` is chosen before one that scores `b`. Total: no two nodes are equal. */
export type Order = (a: Score, b: Score) => boolean;

const spread: Order = (a, b) => {
  if (a.volumes !== b.volumes) return a.volumes > b.volumes;
  if (a.penalty !== b.penalty) return a.penalty < b.penalty;
  if (a.tasksOfService !== b.tasksOfService) return a.tasksOfService < b.tasksOfService;
  if (a.failures !== b.failures) return a.failures < b.failures;
  if (a.cost !== b.cost) return a.cost < b.cost;
  if (a.tasks !== b.tasks) return a.tasks < b.tasks;
  return comesFirst(a, b);
};

const binpack: Order = (a, b) => {
  if (a.volumes !== b.volumes) return a.volumes > b.volumes;
  if (a.penalty !== b.penalty) return a.penalty < b.penalty;
  if (a.failures !== b.failures) return a.failures < b.failures;
  if (a.cost !== b.cost) return a.cost < b.cost;
  if (a.tasks !== b.tasks) return a.tasks > b.tasks;
  return comesFirst(a, b);
};

/** The id decides last, so that the order never depends on how the nodes were listed. */
const comesFirst: Order = ({ load: a }, { load: b }) => (a.hash === b.hash ? a.id < b.id : a.hash < b.hash);

/**
 * The one order of nodes, best first; read backwards it says where a task is missed least.
 * Both: most of the volumes that the task mounts; not where the service keeps failing. Then
 * `spread`: fewest tasks of the service, fewest recent failures, least cost of the room (`roomCost`), fewest tasks.
 * `binpack`: fewest recent failures, least cost of the room, most tasks.
 */
export const ORDERS: Readonly<Record<Strategy, Order>> = { spread, binpack };
