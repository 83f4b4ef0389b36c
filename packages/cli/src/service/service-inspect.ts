import type { MurmurClient, Service } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { inspectAll, inspectFormatOption, prettyOption, type InspectFlags } from "../format/inspect.ts";
import { serviceText } from "./service-text.ts";

export function serviceInspect(cli: Cli): Command {
  return newCommand({
    name: "inspect",
    usage: "[OPTIONS] SERVICE [SERVICE...]",
    summary: "Show all about one or more services",
    examples: [{ says: "For people", line: "murmur service inspect --pretty web" }],
  })
    .argument("<services...>", "Ids or names")
    .addOption(inspectFormatOption())
    .addOption(prettyOption())
    .action(async (names: readonly string[], flags: InspectFlags) => {
      const client = await cli.client();
      const name = flags.pretty === true ? await networkNames(client) : (id: string): string => id;
      const text = (service: Service): string => serviceText(service, name);
      await inspectAll(cli, names, {
        ...flags,
        find: (service) => client.service(service, { insertDefaults: true }),
        text,
      });
    });
}

/** What networks are called; one that can't be found is shown by its id. */
async function networkNames(client: MurmurClient): Promise<(id: string) => string> {
  const networks = await client.serviceNetworks().catch(() => []);
  const names = new Map(networks.map(({ Id, Name }) => [Id, Name]));
  return (id) => names.get(id) ?? id;
}
