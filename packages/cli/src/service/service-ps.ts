import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addTaskListFlags, printTasks, type TaskListFlags } from "../task/task-list.ts";

export function servicePs(cli: Cli): Command {
  const command = newCommand({
    name: "ps",
    usage: "[OPTIONS] SERVICE [SERVICE...]",
    summary: "List the tasks of one or more services",
    examples: [
      { says: "Where they run, and what became of the earlier ones", line: "murmur service ps web" },
      { says: "Whole errors", line: "murmur service ps --no-trunc web" },
    ],
  }).argument("<services...>", "Ids or names");
  return addTaskListFlags(command).action((names: readonly string[], flags: TaskListFlags) =>
    printTasks(cli, flags, { service: names }),
  );
}
