import type { NodeId } from "@murmur/base";
import type { Round } from "./round.ts";
import { clear, reap } from "./reaper.ts";
import { fill, settle } from "./settle.ts";
import { slotsOf, standingOf, type Occupied, type Slot } from "./standing.ts";
import { isUp } from "./task-facts.ts";
import { rollUpdate } from "./update.ts";

/** A replicated service: so many slots, each with one task. */
export function reconcileReplicated(round: Round, replicas: number): void {
  const vacant = new Map<number | NodeId, Slot>();
  const occupied: Occupied[] = [];
  for (const slot of slotsOf(round)) {
    const standing = standingOf(round, slot);
    if (standing.kind === "vacant") vacant.set(slot.key, slot);
    else occupied.push(standing);
  }
  const { kept, surplus } = scaleDown(occupied, replicas);
  for (const { slot } of surplus) {
    if (round.full) return;
    clear(round, slot);
  }
  const replaced = rollUpdate(round, kept);
  for (const standing of kept) {
    if (round.full) return;
    if (!replaced.has(standing)) settle(round, standing);
    reap(round, standing.slot);
  }
  for (const key of missingSlots(kept, replicas)) {
    if (round.full) return;
    const slot = vacant.get(key) ?? { key, tasks: [] };
    vacant.delete(key);
    fill(round, slot);
    reap(round, slot);
  }
  for (const slot of vacant.values()) {
    if (round.full) return;
    clear(round, slot);
  }
}

/** The lowest slot numbers that are free. */
function missingSlots(kept: readonly Occupied[], replicas: number): readonly number[] {
  if (kept.length >= replicas) return [];
  const taken = new Set(kept.map(({ slot }) => slot.key));
  const missing: number[] = [];
  for (let slot = 1; taken.size + missing.length < replicas; slot += 1) if (!taken.has(slot)) missing.push(slot);
  return missing;
}

/**
 * Chooses the slots to give up: first those whose task does not run, then those whose task is not healthy, then those
 * on the nodes with most tasks of the service, the newest first.
 */
function scaleDown(
  slots: readonly Occupied[],
  replicas: number,
): { kept: readonly Occupied[]; surplus: readonly Occupied[] } {
  if (slots.length <= replicas) return { kept: slots, surplus: [] };
  const oldestFirst = [...slots].sort(
    (a, b) => worth(b) - worth(a) || a.task.createdAt - b.task.createdAt || (a.slot.key < b.slot.key ? -1 : 1),
  );
  // The nth task of the service on its node: giving up the highest numbers first evens the nodes out.
  const onNode = new Map<NodeId, number>();
  const ranked = oldestFirst.map((standing, age) => {
    const { nodeId } = standing.task;
    const nth = nodeId === undefined ? 0 : (onNode.get(nodeId) ?? 0) + 1;
    if (nodeId !== undefined) onNode.set(nodeId, nth);
    return { standing, nth, age };
  });
  ranked.sort((a, b) => worth(b.standing) - worth(a.standing) || a.nth - b.nth || a.age - b.age);
  const order = ranked.map(({ standing }) => standing);
  const kept = new Set(order.slice(0, replicas));
  return { kept: slots.filter((standing) => kept.has(standing)), surplus: order.slice(replicas) };
}

function worth(standing: Occupied): number {
  if (standing.kind !== "held" || standing.task.status.state !== "running") return 0;
  return isUp(standing.task) ? 2 : 1;
}
