import type { TaskId } from "@murmur/model";
import type { Difference } from "../data-plane.ts";
import { HOST } from "../overlay/kernel-object.ts";
import type { Difference as KernelDifference } from "../overlay/render/difference.ts";
import type { AttachedContainer } from "./overlay-view.ts";

/** Differences in the kernel as people are told them: the place is the host, or a task. In the same order. */
export function differencesIn(
  found: readonly KernelDifference[],
  containers: ReadonlyMap<TaskId, AttachedContainer>,
): readonly Difference[] {
  const tasks = new Map([...containers].map(([id, { netns }]) => [netns, id]));
  return found.map(({ place, text }) => {
    if (place === HOST) return { where: "host", what: text };
    const what = text.replace(`container ${place}: `, "");
    return { where: `container of task ${tasks.get(place) ?? place}`, what };
  });
}
