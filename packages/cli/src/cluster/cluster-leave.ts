import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

/** `murmur cluster leave`, which is also `murmur node leave`. */
export function clusterLeave(cli: Cli): Command {
  return newCommand({
    name: "leave",
    usage: "[OPTIONS]",
    summary: "Take this host out of the cluster",
    details:
      "Its tasks are replaced elsewhere and its containers stopped. A manager hands over first. The last node, or one that the others can't be reached from, needs --force.",
    examples: [{ says: "In order", line: "murmur cluster leave" }],
  })
    .option("-f, --force", "Leave although the cluster, or what only this node knows, is lost by it")
    .action(async ({ force }: { readonly force?: boolean }) => {
      const client = await cli.client();
      await client.leaveCluster({ force: force === true });
      cli.print("Node left the cluster.");
    });
}
