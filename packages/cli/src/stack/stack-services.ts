import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand } from "../command.ts";
import { filterOption, parseFilters } from "../filter-option.ts";
import { printServices, type ServiceListFlags } from "../service/service-ls.ts";
import { checkStackName, ofStack } from "./stack-name.ts";

export function stackServices(cli: Cli): Command {
  return newCommand({
    name: "services",
    usage: "[OPTIONS] STACK",
    summary: "List the services in the stack",
    examples: [{ says: "With how many tasks of each run", line: "murmur stack services shop" }],
  })
    .argument("<stack>", "Name")
    .addOption(filterOption("name=shop_web"))
    .addOption(formatOption())
    .option("-q, --quiet", "Only show ids")
    .action(async (stack: string, flags: ServiceListFlags) => {
      checkStackName(stack);
      const { label = [], ...filters } = parseFilters(flags.filter);
      const own = ofStack(stack);
      const status = flags.quiet !== true;
      const services = await (
        await cli.client()
      ).services({ filters: { ...filters, label: [...label, ...(own["label"] ?? [])] }, status });
      if (services.length === 0) return cli.note(`Nothing found in stack: ${stack}`);
      printServices(cli, flags, services);
    });
}
