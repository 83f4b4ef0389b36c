import type { NodeId } from "@murmur/base";
import type { View } from "@murmur/store";

/** `ready`, `down`, …, or `removed`. */
export const stateOf = (view: View, id: NodeId): string => view.node(id)?.status.state ?? "removed";

/** Where the volumes that a service's tasks mount are, a line for each. */
export function whereVolumesAre(view: View, volumes: readonly string[]): string[] {
  if (volumes.length === 0) return [];
  return volumes.map((name) => {
    const nodes = view
      .nodes()
      .filter((node) => node.volumes?.includes(name) === true)
      .map(({ id, description, hostname, status }) => {
        const state = status.state === "ready" ? "" : ` (${status.state})`;
        return `${description?.hostname ?? hostname ?? id}${state}`;
      })
      .sort();
    if (nodes.length === 0) return `volume ${name} is on no node yet`;
    const where = nodes.length === 1 ? "node" : "nodes";
    return `volume ${name} is on ${where} ${nodes.join(", ")}: its tasks go there first`;
  });
}
