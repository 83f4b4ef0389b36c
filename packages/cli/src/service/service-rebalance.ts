import type { Rebalance } from "@murmur/api";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { printListing, type Column } from "../format/listing.ts";
import { slotName } from "../task/slot-name.ts";

interface Flags {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly format: ListFormat;
}

interface Row {
  readonly ID: string;
  readonly Name: string;
  readonly From: string;
  readonly To: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { header: "NAME", field: "Name" },
  { header: "FROM", field: "From" },
  { header: "TO", field: "To" },
];

export function serviceRebalance(cli: Cli): Command {
  return newCommand({
    name: "rebalance",
    usage: "[OPTIONS] SERVICE [SERVICE...]",
    summary: "Move tasks to where they would be placed if they were new",
    details:
      "To nodes that are new or free again, from those that have more than their share, as the service's strategy sees it; not for a trifle. Two tasks of a service are moved at a time, 32 in one go, and each works until its replacement does. A replacement that no node takes within 10 minutes, or that fails, is given up, and the task stays where it is. Services that are being updated are passed over.",
    examples: [
      { says: "What would move, if anything", line: "murmur service rebalance --dry-run --all" },
      { says: "Use a node that has joined", line: "murmur service rebalance web" },
    ],
  })
    .argument("[services...]", "Ids or names of replicated services")
    .option("--all", "All replicated services")
    .option("--dry-run", "Only show what would be moved")
    .addOption(formatOption())
    .action(async (services: readonly string[], { all, dryRun, format }: Flags) => {
      if ((all === true) === services.length > 0) throw invalid("name one or more services, or give --all");
      const request = { dryRun: dryRun === true, ...(services.length > 0 && { services }) };
      const answer = await (await cli.client()).rebalance(request);
      const rows = answer.moves.map(({ task, from, to }) => ({
        ID: task.ID,
        Name: slotName(task),
        From: from,
        To: to,
      }));
      if (format === "table" && rows.length === 0)
        return cli.print("Nothing to move: what may be moved is where it would be placed now.");
      printListing(cli, format, { columns: format === "table" ? COLUMNS : [], rows });
      if (format === "table") cli.note(whatNext(answer, request));
    });
}

function whatNext({ moves, more }: Rebalance, { dryRun }: { readonly dryRun: boolean }): string {
  const count = moves.length === 1 ? "1 task" : `${String(moves.length)} tasks`;
  if (dryRun) return `murmur: ${count} would be moved${more ? ", and more after these" : ""}; nothing was changed`;
  const again = more ? "; more are to be moved after these: give the same line again" : "";
  return `murmur: ${count} on the move, each when its replacement runs${again}`;
}
