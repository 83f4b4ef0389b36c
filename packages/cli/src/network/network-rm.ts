import { codeOf } from "@murmur/base";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { removeAll } from "../remove-all.ts";

export function networkRm(cli: Cli): Command {
  return newCommand({
    name: "rm",
    alias: "remove",
    usage: "[OPTIONS] NETWORK [NETWORK...]",
    summary: "Remove one or more networks",
    details: "Refused while services are in it, and for the default network.",
    examples: [{ says: "Two at once", line: "murmur network rm shop db" }],
  })
    .argument("<networks...>", "Ids or names")
    .option("-f, --force", "No error for a network that isn't there")
    .action(async (names: readonly string[], { force }: { readonly force?: boolean }) => {
      const client = await cli.client();
      await removeAll(cli, names, async (name) => {
        try {
          await client.removeNetwork(name);
        } catch (error) {
          if (force !== true || codeOf(error) !== "not_found") throw error;
        }
      });
    });
}
