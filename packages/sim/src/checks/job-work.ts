import type { Millis } from "@murmur/base";
import type { Service } from "@murmur/model";
import { slotOf, type View } from "@murmur/store";
import { programOf } from "../workload/work-image.ts";
import { hasCompleted, nodesFor } from "./unmet-services.ts";

/** A run begins and ends in so much more than its work takes, however the clock of its host goes. */
const AROUND_MS: Millis = 2_000;

/** The longest that jobs can take for the runs that they still need: one after the other, where all need the same room. */
export function jobWorkMs(view: View): Millis {
  let sumMs = 0;
  for (const service of view.services()) {
    const { exitAfterMs = 0 } = programOf(service.spec.task.container.image);
    sumMs += runsLeft(view, service) * (exitAfterMs + AROUND_MS);
  }
  return sumMs;
}

function runsLeft(view: View, service: Service): number {
  const { mode, stopped } = service.spec;
  if (stopped === true || service.removing === true) return 0;
  const done = new Set(view.tasksOfService(service.id).filter(hasCompleted(service)).map(slotOf));
  switch (mode.kind) {
    case "replicated-job":
      return Math.max(0, mode.totalCompletions - done.size);
    case "global-job":
      return nodesFor(view, service).filter(({ id }) => !done.has(id)).length;
    case "replicated":
    case "global":
      return 0;
  }
}
