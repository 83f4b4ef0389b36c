import type { ServiceFlag } from "../flag.ts";
import { withAssignments } from "../list-edit.ts";

export const LOG_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "value",
    name: "log-driver",
    value: "string",
    help: "Logging driver for service",
    set: ({ TaskTemplate }, text) => {
      // The options of another driver mean nothing to this one.
      if (TaskTemplate.LogDriver?.Name !== text) TaskTemplate.LogDriver = { Name: text };
    },
  },
  {
    kind: "list",
    name: "log-opt",
    value: "key=value",
    help: "Logging driver options",
    add: ({ TaskTemplate }, texts) => {
      const driver = (TaskTemplate.LogDriver ??= {});
      driver.Options = withAssignments(driver.Options, texts);
    },
  },
];
