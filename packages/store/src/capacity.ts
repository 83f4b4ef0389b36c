import { ofKind, reservedGeneric, type ClusterNode, type Task } from "@murmur/model";
import type { State } from "./state.ts";

/** What a task gets when it gets its node: names of what the node offers by name. */
type Given = Pick<Task, "genericNames">;

/**
 * What a node gives to one more task, or the name of what it lacks. The scheduler has looked before; this is what keeps
 * a node from being given more than it has when two plans were made from the same view. A node that hasn't described
 * itself yet isn't judged.
 */
export function roomFor(state: State, node: ClusterNode, task: Task): Given | { readonly lacks: string } {
  const { reservations } = task.spec.resources;
  const { nanoCpus, memoryBytes } = reservations;
  const has = node.description?.resources;
  if (has === undefined) return {};
  const reserved = state.reservedOn(node.id);
  if (nanoCpus > 0 && reserved.nanoCpus + nanoCpus > has.nanoCpus) return { lacks: "CPU" };
  if (memoryBytes > 0 && reserved.memoryBytes + memoryBytes > has.memoryBytes) return { lacks: "memory" };
  const names: Record<string, readonly string[]> = {};
  for (const [kind, amount] of reservedGeneric(reservations)) {
    const offer = ofKind(has.generic, kind) ?? 0;
    const size = typeof offer === "number" ? offer : offer.length;
    if (reserved.generic(kind) + amount > size) return { lacks: kind };
    const free = typeof offer === "number" ? [] : offer.filter((name) => !reserved.holdsName(kind, name));
    const asked = ofKind(reservations.genericNames, kind) ?? [];
    const missing = asked.find((name) => !free.includes(name));
    if (missing !== undefined) return { lacks: `${kind} (${missing})` };
    if (typeof offer === "number") continue;
    const others = free.filter((name) => !asked.includes(name));
    names[kind] = [...asked, ...others.slice(0, amount - asked.length)];
  }
  return Object.keys(names).length > 0 ? { genericNames: names } : {};
}
