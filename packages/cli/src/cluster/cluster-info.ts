import type { ClusterSummary } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { printJson } from "../format/listing.ts";
import { formatTable } from "../format/table.ts";

export function clusterInfo(cli: Cli): Command {
  return newCommand({
    name: "info",
    usage: "[OPTIONS]",
    summary: "Show the cluster: its managers, its leader, what it runs",
    details: "Answered also without a leader, from what the asked node has.",
    examples: [
      { says: "For people, then for programs", line: "murmur cluster info; murmur cluster info --format json" },
    ],
  })
    .addOption(formatOption())
    .action(async ({ format }: { readonly format: ListFormat }) => {
      const summary = await (await cli.client()).cluster();
      if (format === "json") printJson(cli, summary);
      else cli.print(clusterText(summary));
    });
}

function clusterText(summary: ClusterSummary): string {
  const leader = summary.managers.find(({ id }) => id === summary.leader);
  const facts: readonly (readonly [string, string])[] = [
    ["ID", summary.id],
    ["Name", summary.name],
    ["Created", summary.createdAt],
    ["Data plane", summary.dataPlane ?? "ports"],
    ["Leader", leader === undefined ? "none now" : leader.hostname],
    ["Term", String(summary.term)],
    ...(summary.generation > 0
      ? [["Generation", `${String(summary.generation)} (it was recovered or restored)`] as const]
      : []),
    ["Version", String(summary.version)],
    ["Nodes", `${String(summary.nodes.total)} (${String(summary.nodes.ready)} ready)`],
    ["Managers", `${String(summary.managers.length)} (${String(summary.votersWanted)} wanted)`],
    ["Strategy", summary.strategy ?? "spread"],
    ["Rebalance", summary.rebalance === undefined ? "off" : `on: ${summary.rebalance}`],
    ["Services", String(summary.services)],
    ["Tasks", `${String(summary.tasks.total)} (${String(summary.tasks.running)} running)`],
    ["This node", `${summary.thisNode.id} at ${summary.thisNode.address}`],
  ];
  const rows = summary.managers.map(({ id, hostname, address, role, state }) => [id, hostname, address, role, state]);
  return [
    ...facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${value}`),
    "",
    formatTable(["ID", "HOSTNAME", "ADDRESS", "ROLE", "STATE"], rows),
  ].join("\n");
}
