import { matchesConstraints, matchesPlatforms, wantsToRun, type ClusterNode } from "@murmur/model";
import { clear, reap } from "./reaper.ts";
import type { Round } from "./round.ts";
import { fill, settle, shutDown } from "./settle.ts";
import { bySlot, slotsOf, standingOf, type Occupied, type Slot, type Standing } from "./standing.ts";
import { rollUpdate } from "./update.ts";
import { hasGrace, isHeldFor } from "./verdict.ts";

/**
 * What a global service does on a node. `serve`: it has a task there. `hold`: it leaves what is there alone and makes
 * nothing new. `leave`: it has no task there.
 */
type Presence = "serve" | "hold" | "leave";

/** A global service: one task on every node that suits it. A global job: one that runs to its end. */
export function reconcileGlobal(round: Round): void {
  const { serving, rest } = survey(round);
  const occupied = serving.filter((standing): standing is Occupied => standing.kind !== "vacant");
  const replaced = round.isJob ? new Set<Standing>() : rollUpdate(round, occupied);
  for (const standing of serving) {
    if (round.full) return;
    if (standing.kind === "vacant") fill(round, standing.slot);
    else if (!replaced.has(standing)) settle(round, standing);
    reap(round, standing.slot);
  }
  withdraw(round, rest);
}

interface Survey {
  readonly serving: readonly Standing[];
  /** Slots of nodes that the service is not to serve, or not now. */
  readonly rest: readonly {
    readonly slot: Slot;
    readonly node: ClusterNode | undefined;
    readonly presence: Presence;
  }[];
}

function survey(round: Round): Survey {
  const slots = new Map(slotsOf(round).map((slot) => [slot.key, slot]));
  const serving: Standing[] = [];
  const rest: { slot: Slot; node: ClusterNode | undefined; presence: Presence }[] = [];
  for (const node of round.view.nodes()) {
    const slot = slots.get(node.id) ?? { key: node.id, tasks: [] };
    slots.delete(node.id);
    const presence = presenceOn(round, node);
    if (presence === "serve") serving.push(standingOf(round, slot));
    else if (slot.tasks.length > 0) rest.push({ slot, node, presence });
  }
  for (const slot of slots.values()) rest.push({ slot, node: undefined, presence: "leave" });
  serving.sort((a, b) => bySlot(a.slot, b.slot));
  return { serving, rest: rest.sort((a, b) => bySlot(a.slot, b.slot)) };
}

function presenceOn(round: Round, node: ClusterNode): Presence {
  const { constraints, platforms } = round.service.spec.task.placement;
  if (node.spec.availability === "drain" && !(round.isJob && hasGrace(round, node))) return "leave";
  if (node.status.state === "down" && !isHeldFor(round, node)) return "leave";
  if (!matchesConstraints(node, constraints) || !matchesPlatforms(node, platforms)) return "leave";
  const isOpen = node.spec.availability === "active" && node.status.state === "ready";
  return isOpen && node.status.engine.state === "ready" ? "serve" : "hold";
}

function withdraw(round: Round, rest: Survey["rest"]): void {
  for (const { slot, node, presence } of rest) {
    if (round.full) return;
    if (node === undefined) {
      clear(round, slot);
      continue;
    }
    if (presence === "leave")
      shutDown(
        round,
        slot.tasks.filter((task) => wantsToRun(task.desiredState)),
      );
    else holdOn(round, slot);
    reap(round, slot);
  }
}

/**
 * On a node that takes nothing new, a task that ended is not replaced; one that is held back may still start. What an
 * engine that is down had running may still run: there is no other place for it, so it is left until the engine tells.
 */
function holdOn(round: Round, slot: Slot): void {
  const standing = standingOf(round, slot);
  if (standing.kind === "vacant") return;
  if (standing.kind !== "broken") settle(round, standing);
  else if (standing.cause !== "lost") shutDown(round, standing.surplus);
}
