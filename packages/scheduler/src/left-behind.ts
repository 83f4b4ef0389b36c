import { LEFT_VOLUMES_MAX, type LeftVolume } from "@murmur/model";
import type { NodeLoad } from "./node-load.ts";
import type { NodeSet } from "./node-set.ts";
import type { Requirement } from "./requirement.ts";

/**
 * The volumes of a task that its node doesn't hold and another one does; of several, the one whose id comes first.
 * Undefined when there are none.
 */
export function leftBehind(
  nodes: NodeSet,
  { volumes }: Requirement,
  load: NodeLoad,
): readonly LeftVolume[] | undefined {
  if (volumes.length === 0) return undefined;
  const left: LeftVolume[] = [];
  for (const name of volumes) {
    if (load.volumes.includes(name)) continue;
    let holder: NodeLoad | undefined;
    for (const other of nodes.holdersOf(name)) if (holder === undefined || other.id < holder.id) holder = other;
    if (holder === undefined) continue;
    const { description, hostname } = holder.node ?? {};
    left.push({ name, nodeId: holder.id, hostname: description?.hostname ?? hostname ?? holder.id });
  }
  return left.length === 0 ? undefined : left.slice(0, LEFT_VOLUMES_MAX);
}
