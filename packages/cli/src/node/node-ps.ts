import type { MurmurClient } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addTaskListFlags, printTasks, type TaskListFlags } from "../task/task-list.ts";
import { isLeft, problemOf } from "./drain-progress.ts";
import { EXPLAINED_MAX, explainSome } from "./explain-some.ts";
import { nodeIdOf } from "./self-node.ts";
import { slotName } from "../task/slot-name.ts";

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
    if (flags.format === "table" && flags.quiet !== true) await noteDrains(cli, client, nodes);
  });
}

/** Says of nodes that are drained with a deadline what still works there, and what it waits for. */
async function noteDrains(cli: Cli, client: MurmurClient, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { ID, Spec, Description, Murmur } = await client.node(id);
    if (Murmur.DrainUntil === undefined || Spec.Availability !== "drain") continue;
    const tasks = (await client.tasks({ filters: { node: [ID] } })).filter(isLeft);
    if (tasks.length === 0) continue;
    const name = Description.Hostname ?? ID;
    cli.note(`murmur: node ${name} is drained; what is left at ${Murmur.DrainUntil.slice(0, 19)}Z is stopped`);
    for (const one of await explainSome(client, tasks)) {
      const waitsFor = one.replacement === undefined ? one.why : problemOf(one.replacement);
      cli.note(`  ${slotName(one.task)}: ${waitsFor}`);
    }
    if (tasks.length > EXPLAINED_MAX) cli.note(`  and ${String(tasks.length - EXPLAINED_MAX)} more`);
  }
}
