import type { NodeId } from "@murmur/base";
import type { Task } from "@murmur/model";
import { FILTERS, type Filter } from "./filter.ts";
import type { NodeLoad } from "./node-load.ts";
import type { NodeSet } from "./node-set.ts";
import { requirementOf, type Requirement } from "./requirement.ts";

/** Why a task can or cannot be placed. */
export interface Explanation {
  /** How many nodes could take the task right now. */
  readonly fitting: number;
  /** In Docker's words: `no suitable node (insufficient resources on 2 nodes)`; empty when a node fits. */
  readonly message: string;
  /** Most nodes first. A node that several filters refuse is counted for the first. */
  readonly refusals: readonly { readonly filter: string; readonly nodes: number; readonly text: string }[];
  /** The refused node for which the fewest filters speak against the task, and among those the one that lacks least. */
  readonly closest?: { readonly nodeId: NodeId; readonly hostname: string; readonly lacks: readonly string[] };
}

/** Says why a task waits, or where it stands. O(nodes). */
export function explain(nodes: NodeSet, task: Task): Explanation {
  return explainRequirement(requirementOf(task, nodes), candidatesOf(nodes, task));
}

/** A task that was made for one node has only that one. */
function candidatesOf(nodes: NodeSet, task: Task): Iterable<NodeLoad> {
  if (task.nodeId === undefined) return nodes.loads();
  const own = nodes.load(task.nodeId);
  return own === undefined ? [] : [own];
}

export function explainRequirement(requirement: Requirement, loads: Iterable<NodeLoad>): Explanation {
  const applying = FILTERS.filter((filter) => filter.applies(requirement));
  const counts = new Map<Filter, number>();
  let fitting = 0;
  let closest: Near | undefined;
  for (const load of loads) {
    if (load.node === undefined) continue;
    const against = applying.filter((filter) => !filter.admits(requirement, load));
    const [first] = against;
    if (first === undefined) {
      fitting += 1;
      continue;
    }
    counts.set(first, (counts.get(first) ?? 0) + 1);
    const near = { load, against, lack: lackOf(requirement, load) };
    if (closest === undefined || isNearer(near, closest)) closest = near;
  }
  const refusals = [...counts]
    .sort(([a, left], [b, right]) => right - left || FILTERS.indexOf(a) - FILTERS.indexOf(b))
    .map(([filter, nodes]) => ({ filter: filter.name, nodes, text: filter.refusal(nodes, requirement) }));
  return {
    fitting,
    message: fitting > 0 ? "" : messageOf(refusals),
    refusals,
    ...(closest === undefined ? {} : { closest: describe(requirement, closest) }),
  };
}

function messageOf(refusals: Explanation["refusals"]): string {
  const reasons = refusals.map(({ text }) => text).join("; ");
  return reasons === "" ? "no suitable node" : `no suitable node (${reasons})`;
}

interface Near {
  readonly load: NodeLoad;
  readonly against: readonly Filter[];
  readonly lack: number;
}

function isNearer(a: Near, b: Near): boolean {
  if (a.against.length !== b.against.length) return a.against.length < b.against.length;
  return a.lack === b.lack ? a.load.id < b.load.id : a.lack < b.lack;
}

/** The share of what is asked for that the node does not have; 0 when resources are not what it lacks. */
function lackOf({ nanoCpus, memoryBytes, generic }: Requirement, load: NodeLoad): number {
  const cpu = nanoCpus > 0 ? (nanoCpus - load.freeNanoCpus) / nanoCpus : 0;
  const memory = memoryBytes > 0 ? (memoryBytes - load.freeMemoryBytes) / memoryBytes : 0;
  const others = generic.map(([kind, amount]) => (amount - load.freeGeneric(kind)) / amount);
  return Math.max(0, cpu, memory, ...others);
}

function describe(requirement: Requirement, { load, against }: Near): NonNullable<Explanation["closest"]> {
  return {
    nodeId: load.id,
    hostname: load.node?.description?.hostname ?? load.id,
    lacks: against.map((filter) => filter.lack(requirement, load)),
  };
}
