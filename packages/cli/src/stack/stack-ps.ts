import { ClusterError } from "@murmur/base";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addTaskListFlags, printTasks, type TaskListFlags } from "../task/task-list.ts";
import { checkStackName, ofStack } from "./stack-name.ts";

export function stackPs(cli: Cli): Command {
  const command = newCommand({
    name: "ps",
    usage: "[OPTIONS] STACK",
    summary: "List the tasks in the stack",
    examples: [{ says: "Those that should run", line: "murmur stack ps --filter desired-state=running shop" }],
  }).argument("<stack>", "Name");
  return addTaskListFlags(command).action(async (stack: string, flags: TaskListFlags) => {
    checkStackName(stack);
    const tasks = await (await cli.client()).tasks({ filters: ofStack(stack) });
    if (tasks.length === 0) throw new ClusterError("not_found", `nothing found in stack: ${stack}`);
    await printTasks(cli, flags, ofStack(stack));
  });
}
