import type { Node } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { filterOption, parseFilters } from "../filter-option.ts";
import { printListing, type Column } from "../format/listing.ts";
import { capitalized } from "../format/words.ts";

interface LsFlags {
  readonly filter: readonly string[];
  readonly format: ListFormat;
  readonly quiet?: boolean;
}

/** The fields of `docker node ls --format json`, as texts. */
interface NodeRow {
  readonly ID: string;
  readonly Hostname: string;
  readonly Status: string;
  readonly Availability: string;
  readonly ManagerStatus: string;
  readonly EngineVersion: string;
  readonly Self: string;
}

const COLUMNS: readonly Column<NodeRow>[] = [
  { header: "ID", field: "ID" },
  { header: "HOSTNAME", field: "Hostname" },
  { header: "STATUS", field: "Status" },
  { header: "AVAILABILITY", field: "Availability" },
  { header: "MANAGER STATUS", field: "ManagerStatus" },
  { header: "ENGINE VERSION", field: "EngineVersion" },
];

export function nodeLs(cli: Cli): Command {
  return newCommand({
    name: "ls",
    alias: "list",
    usage: "[OPTIONS]",
    summary: "List the nodes",
    examples: [
      { says: "All of them", line: "murmur node ls" },
      { says: "The managers", line: "murmur node ls --filter role=manager" },
    ],
  })
    .addOption(filterOption("role=manager"))
    .addOption(formatOption())
    .option("-q, --quiet", "Only show ids")
    .action(async (flags: LsFlags) => {
      const client = await cli.client();
      const [nodes, info] = await Promise.all([
        client.nodes({ filters: parseFilters(flags.filter) }),
        flags.quiet === true ? undefined : client.info(),
      ]);
      const rows = nodes.map((node) => nodeRow(node, info?.Swarm.NodeID)).sort(byHostname);
      if (flags.quiet === true) return rows.forEach(({ ID }) => cli.print(ID));
      // As Docker, the table marks the node that answered.
      const marked = rows.map((row) => ({ ...row, ID: `${row.ID} ${row.Self === "true" ? "*" : " "}` }));
      printListing(cli, flags.format, { columns: COLUMNS, rows: flags.format === "json" ? rows : marked });
    });
}

const byHostname = (a: NodeRow, b: NodeRow): number =>
  a.Hostname.localeCompare(b.Hostname, "en", { numeric: true }) || (a.ID < b.ID ? -1 : 1);

function nodeRow(node: Node, self: string | undefined): NodeRow {
  const { Description, Spec, ManagerStatus } = node;
  return {
    ID: node.ID,
    Hostname: Description.Hostname ?? "",
    Status: statusOf(node),
    Availability: capitalized(Spec.Availability),
    ManagerStatus: ManagerStatus?.Leader === true ? "Leader" : capitalized(ManagerStatus?.Reachability ?? ""),
    EngineVersion: Description.Engine?.EngineVersion ?? "",
    Self: String(node.ID === self),
  };
}

/** A node whose engine is down takes no tasks, so that belongs here. */
function statusOf({ Status, Murmur }: Node): string {
  const state = capitalized(Status.State);
  return Status.State === "ready" && Murmur.EngineState === "down" ? `${state} (engine down)` : state;
}
