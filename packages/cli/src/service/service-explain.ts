import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { printJson } from "../format/listing.ts";
import { explanationText } from "../task/explanation.ts";

export function serviceExplain(cli: Cli): Command {
  return newCommand({
    name: "explain",
    usage: "[OPTIONS] SERVICE",
    summary: "Say why a service isn't as it should be",
    details: "Each of its tasks that waits, fails, is lost or isn't healthy, with the reason.",
    examples: [{ says: "What is wrong with web", line: "murmur service explain web" }],
  })
    .argument("<service>", "Id or name")
    .addOption(formatOption())
    .action(async (name: string, { format }: { readonly format: ListFormat }) => {
      const explanation = await (await cli.client()).explainService(name);
      if (format === "json") return printJson(cli, explanation);
      const now = cli.ports.clock.now();
      const { service, why, tasks, more, volumes, rebalance } = explanation;
      cli.print(`${service.Spec.Name ?? service.ID}: ${why}`);
      if (rebalance !== undefined) cli.print(`rebalancing: ${rebalance}`);
      for (const volume of volumes) cli.print(volume);
      for (const task of tasks) cli.print(`\n${explanationText(task, now)}`);
      if (more > 0) cli.print(`\nand ${String(more)} more: murmur service ps ${name}`);
    });
}
