import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { removeAll } from "../remove-all.ts";

export function nodeRm(cli: Cli): Command {
  return newCommand({
    name: "rm",
    alias: "remove",
    usage: "[OPTIONS] NODE [NODE...]",
    summary: "Forget one or more nodes that are down",
    details:
      "A node that still works leaves by itself: `murmur node leave` on it. --force removes it against its will.",
    examples: [{ says: "A host that won't come back", line: "murmur node rm host3" }],
  })
    .argument("<nodes...>", "Ids or host names")
    .option("-f, --force", "Also a node that isn't down")
    .action(async (names: readonly string[], { force }: { readonly force?: boolean }) => {
      const client = await cli.client();
      await removeAll(cli, names, (name) => client.removeNode(name, { force: force === true }));
    });
}
