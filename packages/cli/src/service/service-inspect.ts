import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { inspectAll, inspectFormatOption, prettyOption, type InspectFlags } from "../format/inspect.ts";
import { serviceText } from "./service-text.ts";

export function serviceInspect(cli: Cli): Command {
  return newCommand({
    name: "inspect",
    usage: "[OPTIONS] SERVICE [SERVICE...]",
    summary: "Show all about one or more services",
    examples: [{ says: "For people", line: "murmur service inspect --pretty web" }],
  })
    .argument("<services...>", "Ids or names")
    .addOption(inspectFormatOption())
    .addOption(prettyOption())
    .action(async (names: readonly string[], flags: InspectFlags) => {
      const client = await cli.client();
      await inspectAll(cli, names, { ...flags, find: (name) => client.service(name), text: serviceText });
    });
}
