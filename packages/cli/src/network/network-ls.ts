import type { NetworkResource } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { filterOption, parseFilters } from "../filter-option.ts";
import { printListing, type Column } from "../format/listing.ts";
import { shortId } from "../format/short-id.ts";

interface LsFlags {
  readonly filter: readonly string[];
  readonly format: ListFormat;
  readonly quiet?: boolean;
  /** False where it was said. */
  readonly trunc: boolean;
}

/** The fields of `docker network ls --format json`, as texts. */
interface NetworkRow {
  readonly ID: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly IPv6: string;
  readonly Internal: string;
  readonly Labels: string;
  readonly CreatedAt: string;
}

const COLUMNS: readonly Column<NetworkRow>[] = [
  { header: "NETWORK ID", field: "ID" },
  { header: "NAME", field: "Name" },
  { header: "DRIVER", field: "Driver" },
  { header: "SCOPE", field: "Scope" },
];

export function networkLs(cli: Cli): Command {
  return newCommand({
    name: "ls",
    alias: "list",
    usage: "[OPTIONS]",
    summary: "List networks",
    details: "Those of the cluster have the scope swarm, those of this node's engine the scope local.",
    examples: [
      { says: "All of them", line: "murmur network ls" },
      { says: "The cluster's", line: "murmur network ls --filter scope=swarm" },
    ],
  })
    .addOption(filterOption("name=shop"))
    .addOption(formatOption())
    .option("--no-trunc", "Don't cut ids")
    .option("-q, --quiet", "Only show ids")
    .action(async ({ filter, format, quiet, trunc }: LsFlags) => {
      const client = await cli.client();
      const networks = await client.networks({ filters: parseFilters(filter) });
      const isWhole = !trunc || format === "json";
      const rows = networks.map((network) => networkRow(network, isWhole)).sort(byName);
      if (quiet === true) return rows.forEach(({ ID }) => cli.print(ID));
      printListing(cli, format, { columns: COLUMNS, rows });
    });
}

const networkRow = (network: NetworkResource, isWhole: boolean): NetworkRow => ({
  ID: isWhole ? network.Id : shortId(network.Id),
  Name: network.Name,
  Driver: network.Driver,
  Scope: network.Scope,
  IPv6: String(network.EnableIPv6),
  Internal: String(network.Internal),
  Labels: Object.entries(network.Labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(","),
  CreatedAt: network.Created,
});

const byName = (a: NetworkRow, b: NetworkRow): number =>
  a.Name.localeCompare(b.Name, "en", { numeric: true }) || (a.ID < b.ID ? -1 : 1);
