import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addTaskListFlags, printTasks, type TaskListFlags } from "./task-list.ts";

export function taskLs(cli: Cli): Command {
  const command = newCommand({
    name: "ls",
    alias: "list",
    usage: "[OPTIONS]",
    summary: "List the tasks of all services",
    examples: [{ says: "What should run", line: "murmur task ls --filter desired-state=running" }],
  });
  return addTaskListFlags(command).action((flags: TaskListFlags) => printTasks(cli, flags, {}));
}
