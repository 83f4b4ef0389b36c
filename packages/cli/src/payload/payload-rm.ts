import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { removeAll } from "../remove-all.ts";
import type { PayloadKind } from "./payload-kind.ts";

export function payloadRm(cli: Cli, { word, argument, remove }: PayloadKind): Command {
  return newCommand({
    name: "rm",
    alias: "remove",
    usage: `${argument} [${argument}...]`,
    summary: `Remove one or more ${word}s`,
    details: "Refused while services use it.",
    examples: [{ says: "Two at once", line: `murmur ${word} rm db-1 db-2` }],
  })
    .argument(`<${word}s...>`, "Ids or names")
    .action(async (names: readonly string[]) => {
      const client = await cli.client();
      await removeAll(cli, names, (name) => remove(client, name));
    });
}
