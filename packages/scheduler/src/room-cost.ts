import type { NodeLoad } from "./node-load.ts";
import type { DemandPerUnit } from "./demand.ts";
import type { Requirement } from "./requirement.ts";

/** Tasks differ: what is left is looked at for those that ask for half of the mean beside a unit, the mean, and twice. */
const TIMES_THE_MEAN = [0.5, 1, 2];
/** What a unit of a generic resource counts that stays free, against one that becomes useless. */
const LEFT_WEIGHT = 0.01;
/** What the free share of the whole node counts: it decides where nothing else does. */
const FREE_WEIGHT = 0.0001;

/**
 * What it costs to use a node's room for a task, the less the better: the one measure by which nodes with room are told
 * apart, for placing tasks and for giving them up.
 *
 * `spread`: how full the node is once the task is there, as the mean of the shares of all that it has.
 *
 * `binpack`: how much of the node becomes useless. A generic resource is useless as far as the CPU and the memory that are
 * left beside it do not do for what tasks of the cluster ask for with it; the least new waste is best, then the fewest
 * free units, then the fullest node. So tasks without a GPU keep to nodes without one, and those with one to nodes
 * whose CPU, memory and GPUs run out together. (After the idea of descending the gradient of fragmentation: Weng et al.,
 * "Beware of Fragmentation", USENIX ATC 2023; here with the mean demand in place of a list of
 * typical tasks.)
 */
export function roomCost(load: NodeLoad, requirement: Requirement): number {
  const free = load.freeShareAfter(requirement);
  if (requirement.strategy === "spread") return 1 - free;
  let cost = FREE_WEIGHT * free;
  for (const [kind, total] of load.offered) {
    const { nanoCpus, memoryBytes, generic } = requirement;
    const asked = generic.find(([other]) => other === kind)?.[1] ?? 0;
    const now = { units: load.freeGeneric(kind), nanoCpus: load.freeNanoCpus, memoryBytes: load.freeMemoryBytes };
    const then = {
      units: now.units - asked,
      nanoCpus: now.nanoCpus - nanoCpus,
      memoryBytes: now.memoryBytes - memoryBytes,
    };
    const perUnit = requirement.demand.get(kind) ?? load.perUnit(total);
    cost += (useless(then, perUnit) - useless(now, perUnit) + LEFT_WEIGHT * then.units) / total;
  }
  return cost;
}

interface Left extends DemandPerUnit {
  readonly units: number;
}

/** How many free units lack the CPU or the memory that tasks with one of them ask for. */
function useless(left: Left, perUnit: DemandPerUnit): number {
  const byCpu = perUnit.nanoCpus > 0 ? left.nanoCpus / perUnit.nanoCpus : Infinity;
  const byMemory = perUnit.memoryBytes > 0 ? left.memoryBytes / perUnit.memoryBytes : Infinity;
  const served = Math.min(byCpu, byMemory);
  let sum = 0;
  for (const times of TIMES_THE_MEAN) sum += Math.max(0, left.units - served / times);
  return sum / TIMES_THE_MEAN.length;
}
