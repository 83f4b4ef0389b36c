import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { inspectAll, inspectFormatOption, type InspectFlags } from "../format/inspect.ts";

export function taskInspect(cli: Cli): Command {
  return newCommand({
    name: "inspect",
    usage: "[OPTIONS] TASK [TASK...]",
    summary: "Show all about one or more tasks",
    examples: [{ says: "One, by the beginning of its id", line: "murmur task inspect k2x9" }],
  })
    .argument("<tasks...>", "Ids, or names such as web.1.ID")
    .addOption(inspectFormatOption())
    .action(async (names: readonly string[], flags: InspectFlags) => {
      const client = await cli.client();
      await inspectAll(cli, names, { ...flags, find: (name) => client.task(name) });
    });
}
