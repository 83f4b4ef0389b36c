import type { NodeId } from "@murmur/base";
import { isUpdating } from "@murmur/model";
import type { Round } from "./round.ts";
import { beginMoves } from "./moves.ts";
import { clear, reap } from "./reaper.ts";
import { postponeReliefs } from "./postpone-reliefs.ts";
import { fill, settle } from "./settle.ts";
import { bySlot, slotAt, slotsOf, standingOf, type Occupied, type Slot } from "./standing.ts";
import { isUp } from "./task-facts.ts";
import { isStale, rollUpdate } from "./update.ts";
import { isLost } from "./verdict.ts";

/** A replicated service: so many slots, each with one task. */
export function reconcileReplicated(round: Round, replicas: number): void {
  if (reconcileLoud(round, replicas)) return;
  const { vacant, occupied, quiet } = survey(round, slotsOf(round));
  const { kept, surplus } = scaleDown(round, occupied, replicas);
  for (const { slot } of surplus) {
    if (round.full) return;
    clear(round, slot);
  }
  const replaced = new Set([
    ...rollUpdate(round, kept),
    ...(isUpdating(round.service) ? [] : beginMoves(round, kept)),
    ...postponeReliefs(round, kept),
  ]);
  for (const standing of kept) {
    if (round.full) return;
    tend(round, standing, { replaced: replaced.has(standing), quiet });
  }
  const loud = new Set([...vacant.keys(), ...occupied.map(({ slot }) => slot.key)].filter((key) => !quiet.has(key)));
  if (surplus.length === 0 && !isUpdating(round.service)) round.quiet?.set(round.view, round.service, { quiet, loud });
  makeUp(round, vacant, missingSlots(kept, replicas));
}

/**
 * The same for a service of which all but some slots are known to need nothing. Says whether it could be done: an update
 * and what is too much are decided by a look at all slots.
 */
function reconcileLoud(round: Round, replicas: number): boolean {
  const known = round.quiet?.of(round.view, round.service);
  if (known === undefined || isUpdating(round.service)) return false;
  const loud = [...known.loud].map((key) => slotAt(round, key)).sort(bySlot);
  const { vacant, occupied, quiet } = survey(round, loud);
  const held = known.quiet.size + occupied.length;
  if (held > replicas || occupied.some(isStale)) return false;
  const moved = new Set([...beginMoves(round, occupied), ...postponeReliefs(round, occupied)]);
  for (const standing of occupied) {
    if (round.full) return true;
    tend(round, standing, { replaced: moved.has(standing), quiet });
    if (!quiet.has(standing.slot.key)) continue;
    known.quiet.add(standing.slot.key);
    known.loud.delete(standing.slot.key);
  }
  for (const key of vacant.keys()) if (typeof key === "number") known.lowestFree = Math.min(known.lowestFree, key);
  const taken = new Set(occupied.map(({ slot }) => slot.key));
  const missing: number[] = [];
  for (let slot = known.lowestFree; missing.length < replicas - held && !round.full; slot += 1) {
    if (known.quiet.has(slot) || taken.has(slot)) continue;
    if (missing.length === 0) known.lowestFree = slot;
    missing.push(slot);
    if (missing.length >= round.room) break;
  }
  makeUp(round, vacant, missing);
  return true;
}

interface Survey {
  readonly vacant: Map<number | NodeId, Slot>;
  readonly occupied: readonly Occupied[];
  /** Those in which nothing is to be done so far. */
  readonly quiet: Set<number | NodeId>;
}

function survey(round: Round, slots: readonly Slot[]): Survey {
  const vacant = new Map<number | NodeId, Slot>();
  const occupied: Occupied[] = [];
  const quiet = new Set<number | NodeId>();
  for (const slot of slots) {
    const before = round.stirs;
    const standing = standingOf(round, slot);
    if (standing.kind === "vacant") vacant.set(slot.key, slot);
    else occupied.push(standing);
    if (standing.kind === "held" && standing.current && round.stirs === before) quiet.add(slot.key);
  }
  return { vacant, occupied, quiet };
}

/** Does what an occupied slot needs; one that needs something is not quiet. */
function tend(round: Round, standing: Occupied, facts: { replaced: boolean; quiet: Set<number | NodeId> }): void {
  const before = round.stirs;
  if (!facts.replaced) settle(round, standing);
  reap(round, standing.slot);
  if (round.stirs !== before || facts.replaced) facts.quiet.delete(standing.slot.key);
}

/** Fills the slots that are missing, and clears those that are not needed any more. */
function makeUp(round: Round, vacant: Map<number | NodeId, Slot>, missing: readonly number[]): void {
  for (const key of missing) {
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
 * Chooses the slots to give up: first those whose task does not run, then those whose task is not healthy; among equals
 * those that whoever places tasks would give up first.
 */
function scaleDown(
  round: Round,
  slots: readonly Occupied[],
  replicas: number,
): { kept: readonly Occupied[]; surplus: readonly Occupied[] } {
  if (slots.length <= replicas) return { kept: slots, surplus: [] };
  const oldestFirst = [...slots].sort(
    (a, b) => a.task.createdAt - b.task.createdAt || (a.slot.key < b.slot.key ? -1 : 1),
  );
  const byTask = new Map(oldestFirst.map((standing) => [standing.task, standing]));
  const groups = [0, 1, 2].map((rank) => oldestFirst.filter((standing) => worth(round, standing) === rank));
  const order = round.leastMissed(groups.map((group) => group.map(({ task }) => task)));
  const surplus = order.slice(0, slots.length - replicas).flatMap((task) => byTask.get(task) ?? []);
  const gone = new Set(surplus);
  return { kept: slots.filter((standing) => !gone.has(standing)), surplus };
}

function worth(round: Round, standing: Occupied): number {
  if (standing.kind !== "held" || standing.task.status.state !== "running" || isLost(round, standing.task)) return 0;
  return isUp(standing.task) ? 2 : 1;
}
