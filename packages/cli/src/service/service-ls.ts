import type { Service } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { filterOption, parseFilters } from "../filter-option.ts";
import { printListing, type Column } from "../format/listing.ts";
import { serviceRow, shortServiceRow, type ServiceRow } from "./service-row.ts";

export interface ServiceListFlags {
  readonly filter: readonly string[];
  readonly format: ListFormat;
  readonly quiet?: boolean;
}

const COLUMNS: readonly Column<ServiceRow>[] = [
  { header: "ID", field: "ID" },
  { header: "NAME", field: "Name" },
  { header: "MODE", field: "Mode" },
  { header: "REPLICAS", field: "Replicas" },
  { header: "IMAGE", field: "Image" },
  { header: "PORTS", field: "Ports" },
];

export function serviceLs(cli: Cli): Command {
  return newCommand({
    name: "ls",
    alias: "list",
    usage: "[OPTIONS]",
    summary: "List services",
    examples: [
      { says: "All of them", line: "murmur service ls" },
      { says: "Those of one team, for a program", line: "murmur service ls --filter label=team=shop --format json" },
    ],
  })
    .addOption(filterOption("name=web"))
    .addOption(formatOption())
    .option("-q, --quiet", "Only show ids")
    .action(async (flags: ServiceListFlags) => {
      const client = await cli.client();
      const filters = parseFilters(flags.filter);
      printServices(cli, flags, await client.services({ filters, status: flags.quiet !== true }));
    });
}

export function printServices(cli: Cli, { format, quiet }: ServiceListFlags, services: readonly Service[]): void {
  const rows = services.map(serviceRow).sort(byName);
  if (quiet === true) return rows.forEach(({ ID }) => cli.print(ID));
  printListing(cli, format, { columns: COLUMNS, rows: format === "json" ? rows : rows.map(shortServiceRow) });
}

const byName = (a: ServiceRow, b: ServiceRow): number => a.Name.localeCompare(b.Name, "en", { numeric: true });
