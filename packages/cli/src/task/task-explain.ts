import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { printJson } from "../format/listing.ts";
import { explanationText } from "./explanation.ts";

export function taskExplain(cli: Cli): Command {
  return newCommand({
    name: "explain",
    usage: "[OPTIONS] TASK",
    summary: "Say why a task waits, or where it stands",
    details: "For each filter of the scheduler how many nodes it refuses, and which node comes closest.",
    examples: [{ says: "The third task of web", line: "murmur task explain web.3" }],
  })
    .argument("<task>", "SERVICE.SLOT, id, its beginning, or a name such as web.1.ID")
    .addOption(formatOption())
    .action(async (name: string, { format }: { readonly format: ListFormat }) => {
      const explanation = await (await cli.client()).explainTask(name);
      if (format === "json") return printJson(cli, explanation);
      cli.print(explanationText(explanation, cli.ports.clock.now()));
    });
}
