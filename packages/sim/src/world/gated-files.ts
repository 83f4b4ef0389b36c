import type { TaskFiles } from "@murmur/agent";
import type { Process } from "./process.ts";

/** Files of tasks as one process sees them: nothing of a process that has ended has any effect. */
export const gatedFiles = (files: TaskFiles, process: Process): TaskFiles => ({
  write: (task, contents, options) => process.call(() => files.write(task, contents, options)),
  remove: (task) => process.call(() => files.remove(task)),
  list: () => process.call(() => files.list()),
});
