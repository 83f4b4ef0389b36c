import type { ClusterVolume, Filters } from "@murmur/api";
import { ClusterError } from "@murmur/base";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { invalid } from "../argument-error.ts";
import { listOption, newCommand } from "../command.ts";
import { parseFilters } from "../filter-option.ts";
import { removeAll } from "../remove-all.ts";

interface PruneFlags {
  readonly filter: readonly string[];
  readonly force?: boolean;
}

/** Volumes that one prune names when it asks. */
const SHOWN_MAX = 20;
const FILTERS = ["label", "label!", "name", "node"];

export function volumePrune(cli: Cli): Command {
  return (
    newCommand({
      name: "prune",
      usage: "[OPTIONS]",
      summary: "Remove all volumes that nothing uses, with the data in them",
      details:
        "On the nodes that are ready. A volume is used while a task's record mounts it, ended ones too, and while a service names it, also one that is stopped or has no tasks. Names them, and asks first.",
      examples: [
        { says: "What nothing uses any more, after a look", line: "murmur volume prune" },
        {
          says: "On one node, but for some, without a question",
          line: "murmur volume prune --force --filter node=host2 --filter label!=keep",
        },
      ],
    })
      .addOption(
        listOption(
          "--filter <filter>",
          "Only what fits: label=KEY[=VALUE], label!=KEY[=VALUE], name=TEXT, node=NODE; may be repeated",
        ),
      )
      .option("-f, --force", "Don't ask")
      // Docker's scripts say it.
      .option("-a, --all", "Does nothing: the cluster's volumes all have names")
      .action(async ({ filter, force }: PruneFlags) => {
        const filters = parseFilters(filter);
        const unknown = Object.keys(filters).find((name) => !FILTERS.includes(name));
        if (unknown !== undefined) throw invalid(`invalid filter '${unknown}': there are label, label!, name, node`);
        const volumes = await chosen(cli, filters);
        if (volumes.length === 0) return cli.note("murmur: no volume that nothing uses");
        if (force !== true) await confirm(cli, volumes);
        cli.print("Deleted Volumes:");
        const client = await cli.client();
        const nodes = new Map(volumes.map((volume) => [labelOf(volume), volume]));
        await removeAll(cli, [...nodes.keys()], async (label) => {
          const volume = nodes.get(label);
          if (volume !== undefined) await client.removeVolume(volume.Name, { node: volume.Node.ID, force: true });
        });
      })
  );
}

const labelOf = ({ Name, Node }: ClusterVolume): string => `${Name} on ${Node.Hostname}`;

/** Those that nothing uses, on nodes that are ready, as far as they fit. Only label filters ask the nodes' engines. */
async function chosen(cli: Cli, filters: Filters): Promise<readonly ClusterVolume[]> {
  const client = await cli.client();
  const any = (filter: string, isFit: (text: string) => boolean): boolean => filters[filter]?.some(isFit) ?? true;
  const unused = (await client.volumes({ unused: true })).filter(
    ({ Name, Node }) =>
      Node.State === "ready" &&
      any("name", (text) => Name.includes(text)) &&
      any("node", (text) => Node.Hostname === text || Node.ID.startsWith(text)),
  );
  const wanted = filters["label"] ?? [];
  const unwanted = filters["label!"] ?? [];
  if (wanted.length === 0 && unwanted.length === 0) return unused;
  const fitting: ClusterVolume[] = [];
  for (const volume of unused) {
    const [detail] = await client.volume(volume.Name, { node: volume.Node.ID });
    // Nobody knows the labels of one whose node doesn't answer.
    if (detail?.Engine === undefined) continue;
    const has = (text: string): boolean => hasLabel(detail.Engine?.Labels ?? {}, text);
    if (wanted.every(has) && !unwanted.some(has)) fitting.push(volume);
  }
  return fitting;
}

/** `key` or `key=value`. */
function hasLabel(labels: Readonly<Record<string, string>>, text: string): boolean {
  const cut = text.indexOf("=");
  const key = cut < 0 ? text : text.slice(0, cut);
  return Object.hasOwn(labels, key) && (cut < 0 || labels[key] === text.slice(cut + 1));
}

async function confirm(cli: Cli, volumes: readonly ClusterVolume[]): Promise<void> {
  cli.note("WARNING! This will remove these volumes, with the data in them:");
  for (const volume of volumes.slice(0, SHOWN_MAX)) cli.note(`  ${labelOf(volume)}`);
  if (volumes.length > SHOWN_MAX) cli.note(`  and ${String(volumes.length - SHOWN_MAX)} more`);
  const answer = await cli.ports.ask("Are you sure you want to continue? [y/N] ");
  if (answer === undefined) throw new ClusterError("failed_precondition", "nobody to ask at a terminal: give --force");
  if (!/^y(es)?$/i.test(answer.trim())) throw new ClusterError("cancelled", "nothing was removed");
}
