import type { Service } from "@murmur/model";

/** The slots of a service that should have a task. */
export function wantedTasks({ spec: { mode } }: Service): readonly number[] {
  switch (mode.kind) {
    case "replicated":
      return numbered(mode.replicas);
    case "replicated-job":
      return numbered(mode.totalCompletions);
    case "global":
    case "global-job":
      return [0];
  }
}

const numbered = (count: number): readonly number[] => Array.from({ length: count }, (_none, at) => at + 1);
