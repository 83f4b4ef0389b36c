import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { removeAll } from "../remove-all.ts";

export function serviceRm(cli: Cli): Command {
  return newCommand({
    name: "rm",
    alias: "remove",
    usage: "SERVICE [SERVICE...]",
    summary: "Remove one or more services",
    examples: [{ says: "Two at once", line: "murmur service rm web worker" }],
  })
    .argument("<services...>", "Ids or names")
    .action(async (names: readonly string[]) => {
      const client = await cli.client();
      await removeAll(cli, names, (name) => client.removeService(name));
    });
}
