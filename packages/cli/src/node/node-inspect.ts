import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { inspectAll, inspectFormatOption, prettyOption, type InspectFlags } from "../format/inspect.ts";
import { nodeIdOf } from "./self-node.ts";
import { nodeText } from "./node-text.ts";

export function nodeInspect(cli: Cli): Command {
  return newCommand({
    name: "inspect",
    usage: "[OPTIONS] self|NODE [NODE...]",
    summary: "Show all about one or more nodes",
    examples: [{ says: "This host, for people", line: "murmur node inspect --pretty self" }],
  })
    .argument("<nodes...>", "Ids or host names; self for this host's")
    .addOption(inspectFormatOption())
    .addOption(prettyOption())
    .action(async (names: readonly string[], flags: InspectFlags) => {
      const client = await cli.client();
      const find = async (name: string) => client.node(await nodeIdOf(client, name));
      await inspectAll(cli, names, { ...flags, find, text: nodeText });
    });
}
