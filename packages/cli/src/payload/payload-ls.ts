import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { filterOption, parseFilters } from "../filter-option.ts";
import { humanDuration } from "../format/human-duration.ts";
import { printListing, type Column } from "../format/listing.ts";
import type { Payload, PayloadKind } from "./payload-kind.ts";

interface LsFlags {
  readonly filter: readonly string[];
  readonly format: ListFormat;
  readonly quiet?: boolean;
}

/** The fields of `docker secret ls --format json`, as texts. */
interface PayloadRow {
  readonly ID: string;
  readonly Name: string;
  /** Secrets only; there are none. */
  readonly Driver: string;
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
  readonly Labels: string;
}

const COLUMNS: readonly Column<PayloadRow>[] = [
  { header: "ID", field: "ID" },
  { header: "NAME", field: "Name" },
  { header: "DRIVER", field: "Driver" },
  { header: "CREATED", field: "CreatedAt" },
  { header: "UPDATED", field: "UpdatedAt" },
];

export function payloadLs(cli: Cli, { word, list }: PayloadKind): Command {
  return newCommand({
    name: "ls",
    alias: "list",
    usage: "[OPTIONS]",
    summary: `List ${word}s`,
    examples: [
      { says: "All of them", line: `murmur ${word} ls` },
      { says: "Those with a label", line: `murmur ${word} ls --filter label=team=a` },
    ],
  })
    .addOption(filterOption("name=db"))
    .addOption(formatOption())
    .option("-q, --quiet", "Only show ids")
    .action(async ({ filter, format, quiet }: LsFlags) => {
      const payloads = await list(await cli.client(), parseFilters(filter));
      const rows = payloads.map((payload) => payloadRow(payload, cli.ports.clock.now())).sort(byName);
      if (quiet === true) return rows.forEach(({ ID }) => cli.print(ID));
      const columns = COLUMNS.filter(({ field }) => field !== "Driver" || word === "secret");
      printListing(cli, format, { columns, rows });
    });
}

const payloadRow = ({ ID, Spec, CreatedAt, UpdatedAt }: Payload, now: number): PayloadRow => ({
  ID,
  Name: Spec.Name,
  Driver: "",
  CreatedAt: `${humanDuration(now - Date.parse(CreatedAt))} ago`,
  UpdatedAt: `${humanDuration(now - Date.parse(UpdatedAt))} ago`,
  Labels: Object.entries(Spec.Labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(","),
});

const byName = (a: PayloadRow, b: PayloadRow): number => a.Name.localeCompare(b.Name, "en", { numeric: true });
