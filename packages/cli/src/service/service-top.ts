import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { shortId } from "../format/short-id.ts";
import { addStatsFlags, showStats, USAGE_COLUMNS, type StatsFlags } from "../stats/show-stats.ts";
import { usageRow, type UsageRow } from "../stats/usage.ts";

interface TaskUsageRow extends UsageRow {
  readonly ID: string;
  readonly Name: string;
  readonly Node: string;
}

export function serviceTop(cli: Cli): Command {
  const command = newCommand({
    name: "top",
    usage: "[OPTIONS] [SERVICE...]",
    summary: "Show what the tasks of services use: CPU, memory, network and block I/O",
    details:
      "Of all services, if none is named; on all nodes, as `docker stats` shows it for one. CPU % is of one processor. A node that doesn't answer is named.",
    examples: [
      { says: "Live", line: "murmur service top web" },
      { says: "Once, for a program", line: "murmur service top --no-stream --format json" },
    ],
  }).argument("[services...]", "Ids or names");
  return addStatsFlags(command).action(async (services: readonly string[], flags: StatsFlags) => {
    const client = await cli.client();
    const names = new Map<string, string>();
    await showStats<TaskUsageRow>(cli, flags, {
      columns: [{ header: "NAME", field: "Name" }, { header: "NODE", field: "Node" }, ...USAGE_COLUMNS],
      look: (signal) => client.stats({ services }, { signal }),
      async rows(usages) {
        // Asked again only when there is a task whose name isn't known.
        if (usages.some(({ task }) => !names.has(task)))
          for (const task of await client.tasks()) names.set(task.ID, task.Murmur.Name);
        return usages
          .map((usage) => ({
            ID: usage.task,
            Name: shown(names.get(usage.task) ?? usage.task, usage.task),
            Node: usage.node,
            ...usageRow(usage),
          }))
          .toSorted((left, right) => left.Name.localeCompare(right.Name, "en", { numeric: true }));
      },
    });
  });
}

/** With the id as short as in other tables. */
const shown = (name: string, id: string): string => name.replace(id, shortId(id));
