import { ClusterError, codeOf } from "@murmur/base";
import type { VolumeDetail } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { inspectFormatOption } from "../format/inspect.ts";
import { printJson } from "../format/listing.ts";

interface VolumeInspectFlags {
  readonly node?: string;
}

export function volumeInspect(cli: Cli): Command {
  return newCommand({
    name: "inspect",
    usage: "[OPTIONS] VOLUME [VOLUME...]",
    summary: "Show all about one or more volumes",
    details: "What the engine of each node that has one says of it, with the tasks there that mount it.",
    examples: [{ says: "Who uses it, and where", line: "murmur volume inspect db-data" }],
  })
    .argument("<volumes...>", "Names")
    .addOption(inspectFormatOption())
    .option("--node <node>", "Only that of this node (id or host name)")
    .action(async (names: readonly string[], { node }: VolumeInspectFlags) => {
      const client = await cli.client();
      const found: VolumeDetail[] = [];
      let missing: unknown;
      for (const name of names) {
        try {
          found.push(...(await client.volume(name, node === undefined ? {} : { node })));
        } catch (error) {
          if (codeOf(error) !== "not_found") throw error;
          missing ??= error;
        }
      }
      printJson(cli, found.map(shown));
      const silent = found.find(({ Problem }) => Problem !== undefined);
      if (missing !== undefined) throw missing;
      if (silent?.Problem !== undefined) throw new ClusterError("unavailable", silent.Problem);
    });
}

/** Docker's fields first, then ours. */
const shown = ({ Engine, Problem, ...known }: VolumeDetail): object => ({
  ...Engine,
  ...known,
  ...(Problem !== undefined && { Problem }),
});
