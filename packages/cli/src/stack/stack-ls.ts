import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { printListing, type Column } from "../format/listing.ts";
import { stacksIn } from "./stacks-in.ts";

/** The fields of `docker stack ls --format json`, as texts. */
interface StackRow {
  readonly Name: string;
  readonly Services: string;
}

const COLUMNS: readonly Column<StackRow>[] = [
  { header: "NAME", field: "Name" },
  { header: "SERVICES", field: "Services" },
];

export function stackLs(cli: Cli): Command {
  return newCommand({
    name: "ls",
    alias: "list",
    usage: "[OPTIONS]",
    summary: "List stacks",
    examples: [{ says: "All of them, also those that the docker command has deployed", line: "murmur stack ls" }],
  })
    .addOption(formatOption())
    .action(async ({ format }: { readonly format: ListFormat }) => {
      const stacks = await stacksIn(await cli.client());
      const rows = stacks.map(({ name, services }): StackRow => ({ Name: name, Services: String(services) }));
      printListing(cli, format, { columns: COLUMNS, rows });
    });
}
