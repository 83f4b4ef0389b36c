import type { NodeId } from "@murmur/base";
import type { Task } from "@murmur/model";

/** `its volume data stayed on node host1, which is down`; empty for a task that left none behind. */
export const leftVolumesText = (
  { leftVolumes = [] }: Pick<Task, "leftVolumes">,
  stateOf: (node: NodeId) => string = () => "ready",
): string =>
  leftVolumes
    .map(({ name, nodeId, hostname }) => {
      const state = stateOf(nodeId);
      return `its volume ${name} stayed on node ${hostname}${state === "ready" ? "" : `, which is ${state}`}`;
    })
    .join("; ");
