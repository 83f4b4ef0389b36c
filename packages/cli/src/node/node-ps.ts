import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addTaskListFlags, printTasks, type TaskListFlags } from "../task/task-list.ts";
import { nodeIdOf } from "./self-node.ts";

export function nodePs(cli: Cli): Command {
  const command = newCommand({
    name: "ps",
    usage: "[OPTIONS] [NODE...]",
    summary: "List the tasks of one or more nodes, of this host's without a name",
    examples: [{ says: "What runs here", line: "murmur node ps --filter desired-state=running" }],
  }).argument("[nodes...]", "Ids or host names; self for this host's");
  return addTaskListFlags(command).action(async (names: readonly string[], flags: TaskListFlags) => {
    const client = await cli.client();
    const nodes = await Promise.all((names.length === 0 ? ["self"] : names).map((name) => nodeIdOf(client, name)));
    await printTasks(cli, flags, { node: nodes });
  });
}
