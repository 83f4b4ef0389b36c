import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { listOption, newCommand } from "../command.ts";
import { parseFilters } from "../filter-option.ts";

export function networkPrune(cli: Cli): Command {
  return (
    newCommand({
      name: "prune",
      usage: "[OPTIONS]",
      summary: "Remove all networks that nothing is in",
      details: "Of the cluster and of this node's engine. Doesn't ask; the default network stays.",
      examples: [
        { says: "All that are unused", line: "murmur network prune" },
        {
          says: "Those older than a day, but for some",
          line: "murmur network prune --filter until=24h --filter label!=keep",
        },
      ],
    })
      .addOption(listOption("--filter <filter>", "Only what fits, such as until=24h or label!=keep; may be repeated"))
      // Docker's scripts say it.
      .option("-f, --force", "Does nothing: there is no question to skip")
      .action(async ({ filter }: { readonly filter: readonly string[] }) => {
        const { NetworksDeleted } = await (await cli.client()).pruneNetworks({ filters: parseFilters(filter) });
        if (NetworksDeleted === null || NetworksDeleted.length === 0) return;
        cli.print(["Deleted Networks:", ...NetworksDeleted].join("\n"));
      })
  );
}
