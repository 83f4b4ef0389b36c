import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { removeAll } from "../remove-all.ts";

interface RmFlags {
  readonly node?: string;
  readonly force?: boolean;
}

export function volumeRm(cli: Cli): Command {
  return newCommand({
    name: "rm",
    alias: "remove",
    usage: "[OPTIONS] VOLUME [VOLUME...]",
    summary: "Remove one or more volumes, with the data in them",
    details: "Refused while a task mounts it. Where several nodes have one of the name, say which with --node.",
    examples: [{ says: "That of a node which the service has left", line: "murmur volume rm --node host1 db-data" }],
  })
    .argument("<volumes...>", "Names")
    .option("--node <node>", "Id or host name of the node that has it")
    .option("-f, --force", "No error for a volume that isn't there")
    .action(async (names: readonly string[], { node, force }: RmFlags) => {
      const client = await cli.client();
      const options = { ...(node !== undefined && { node }), force: force === true };
      await removeAll(cli, names, (name) => client.removeVolume(name, options));
    });
}
