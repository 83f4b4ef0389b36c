import type { ClusterVolume } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { invalid } from "../argument-error.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { filterOption, parseFilters } from "../filter-option.ts";
import { printListing, type Column } from "../format/listing.ts";

interface LsFlags {
  readonly filter: readonly string[];
  readonly format: ListFormat;
  readonly node?: string;
  readonly quiet?: boolean;
}

/** The fields of `docker volume ls --format json` that are known of any node's, and the node. */
interface VolumeRow {
  readonly Driver: string;
  readonly Name: string;
  readonly Scope: string;
  readonly Node: string;
  readonly NodeState: string;
}

const COLUMNS: readonly Column<VolumeRow>[] = [
  { header: "DRIVER", field: "Driver" },
  { header: "VOLUME NAME", field: "Name" },
  { header: "NODE", field: "Node" },
];

const FILTERS = ["name", "node", "driver"];

export function volumeLs(cli: Cli): Command {
  return newCommand({
    name: "ls",
    alias: "list",
    usage: "[OPTIONS]",
    summary: "List the volumes of all nodes",
    details:
      "Those on the nodes' own disks that services have mounted or that were created through the cluster, also of nodes that are down. All of one engine's: docker volume ls.",
    examples: [
      { says: "All of them", line: "murmur volume ls" },
      { says: "Those of one node", line: "murmur volume ls --node host2" },
    ],
  })
    .addOption(filterOption("name=data"))
    .addOption(formatOption())
    .option("--node <node>", "Only those of this node (id or host name)")
    .option("-q, --quiet", "Only show names")
    .action(async ({ filter, format, node, quiet }: LsFlags) => {
      const filters = parseFilters(filter);
      const unknown = Object.keys(filters).find((name) => !FILTERS.includes(name));
      if (unknown !== undefined) throw invalid(`invalid filter '${unknown}': there are ${FILTERS.join(", ")}`);
      const volumes = await (await cli.client()).volumes(node === undefined ? {} : { node });
      const rows = volumes.filter((volume) => fits(volume, filters)).map(volumeRow);
      if (quiet === true) return rows.forEach(({ Name }) => cli.print(Name));
      printListing(cli, format, { columns: COLUMNS, rows });
      if (format === "json") return;
      const away = new Set(rows.filter(({ NodeState }) => NodeState !== "ready").map(({ Node }) => Node));
      for (const host of away) cli.note(`node ${host} doesn't answer: its volumes are as it last told`);
    });
}

/** As Docker: a name fits when it holds the text, several texts for one filter are alternatives. */
function fits({ Name, Driver, Node }: ClusterVolume, filters: Readonly<Record<string, readonly string[]>>): boolean {
  const any = (filter: string, isFit: (text: string) => boolean): boolean => filters[filter]?.some(isFit) ?? true;
  return (
    any("name", (text) => Name.includes(text)) &&
    any("driver", (text) => Driver === text) &&
    any("node", (text) => Node.Hostname === text || Node.ID.startsWith(text))
  );
}

const volumeRow = ({ Driver, Name, Scope, Node }: ClusterVolume): VolumeRow => ({
  Driver,
  Name,
  Scope,
  Node: Node.Hostname,
  NodeState: Node.State,
});
