import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addStatsFlags, showStats, USAGE_COLUMNS, type StatsFlags } from "../stats/show-stats.ts";
import { sumOf, usageRow, type UsageRow } from "../stats/usage.ts";

interface NodeUsageRow extends UsageRow {
  readonly ID: string;
  readonly Node: string;
  readonly Tasks: string;
}

export function nodeTop(cli: Cli): Command {
  const command = newCommand({
    name: "top",
    usage: "[OPTIONS] [NODE...]",
    summary: "Show what the tasks on nodes use together: CPU, memory, network and block I/O",
    details: "Of all nodes, if none is named. CPU % is of one processor; the limit of memory is what the node has.",
    examples: [{ says: "Live", line: "murmur node top" }],
  }).argument("[nodes...]", "Ids or names");
  return addStatsFlags(command).action(async (nodes: readonly string[], flags: StatsFlags) => {
    const client = await cli.client();
    const memory = new Map(
      (await client.nodes()).map(({ ID, Description }) => [ID, Description.Resources?.MemoryBytes ?? 0]),
    );
    await showStats<NodeUsageRow>(cli, flags, {
      columns: [{ header: "NODE", field: "Node" }, { header: "TASKS", field: "Tasks" }, ...USAGE_COLUMNS],
      look: (signal) => client.stats({ nodes }, { signal }),
      rows: async (usages, answer) =>
        answer.nodes
          .filter(({ problem }) => problem === undefined)
          .map(({ id, hostname, samples }) => {
            const here = new Set(samples.map(({ task }) => task));
            const sum = sumOf(usages.filter(({ task }) => here.has(task)));
            const limit = memory.get(id) ?? sum.memoryLimitBytes;
            return {
              ID: id,
              Node: hostname,
              Tasks: String(here.size),
              ...usageRow({ ...sum, memoryLimitBytes: limit }),
            };
          }),
    });
  });
}
