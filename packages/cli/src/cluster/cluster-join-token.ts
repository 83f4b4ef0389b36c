import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { joinInstructions } from "./join-instructions.ts";

interface TokenFlags {
  readonly rotate?: boolean;
  readonly quiet?: boolean;
}

export function clusterJoinToken(cli: Cli): Command {
  return newCommand({
    name: "join-token",
    usage: "[OPTIONS]",
    summary: "Show the line that other hosts join with, or replace its token",
    details: "There is one token: the cluster chooses its managers by itself.",
    examples: [
      { says: "The line to run on another host", line: "murmur cluster join-token" },
      { says: "Make the old token worthless", line: "murmur cluster join-token --rotate" },
    ],
  })
    .option("-q, --quiet", "Only show the token")
    .option("--rotate", "Replace the token; the old one lets nobody in any more")
    .action(async ({ rotate, quiet }: TokenFlags) => {
      const client = await cli.client();
      const answer = rotate === true ? await client.rotateJoinToken() : await client.joinToken();
      if (quiet === true) return cli.print(answer.joinToken);
      if (rotate === true) cli.print("Successfully rotated the join token.\n");
      cli.print(joinInstructions(answer));
    });
}
