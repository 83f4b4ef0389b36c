import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { inspectAll, inspectFormatOption, type InspectFlags } from "../format/inspect.ts";

interface NetworkInspectFlags extends InspectFlags {
  readonly verbose?: boolean;
}

export function networkInspect(cli: Cli): Command {
  return newCommand({
    name: "inspect",
    usage: "[OPTIONS] NETWORK [NETWORK...]",
    summary: "Show all about one or more networks",
    examples: [{ says: "With its services, their tasks and addresses", line: "murmur network inspect --verbose shop" }],
  })
    .argument("<networks...>", "Ids or names")
    .addOption(inspectFormatOption())
    .option("-v, --verbose", "With the services and tasks in it")
    .action(async (names: readonly string[], { verbose, ...flags }: NetworkInspectFlags) => {
      const client = await cli.client();
      await inspectAll(cli, names, { ...flags, find: (name) => client.network(name, { verbose: verbose === true }) });
    });
}
