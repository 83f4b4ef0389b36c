import type { Filters, Task } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, type ListFormat } from "../command.ts";
import { filterOption, parseFilters } from "../filter-option.ts";
import { printListing, type Column } from "../format/listing.ts";
import { compareTasks, isSameSlot, shortTaskRow, taskRow, type TaskRow } from "./task-row.ts";

export interface TaskListFlags {
  readonly filter: readonly string[];
  readonly format: ListFormat;
  readonly resolve: boolean;
  readonly trunc: boolean;
  readonly quiet?: boolean;
}

const COLUMNS: readonly Column<TaskRow>[] = [
  { header: "ID", field: "ID" },
  { header: "NAME", field: "Name" },
  { header: "IMAGE", field: "Image" },
  { header: "NODE", field: "Node" },
  { header: "DESIRED STATE", field: "DesiredState" },
  { header: "CURRENT STATE", field: "CurrentState" },
  { header: "ERROR", field: "Error" },
  { header: "PORTS", field: "Ports" },
];

/** The flags of every list of tasks. */
export function addTaskListFlags(command: Command): Command {
  return command
    .addOption(filterOption("desired-state=running"))
    .addOption(formatOption())
    .option("--no-resolve", "Show ids of nodes, not host names")
    .option("--no-trunc", "Show whole ids and errors")
    .option("-q, --quiet", "Only show ids");
}

/** Lists the tasks that fit the flags and `where`. JSON is never cut. */
export async function printTasks(cli: Cli, flags: TaskListFlags, where: Filters): Promise<void> {
  const client = await cli.client();
  const [tasks, nodes] = await Promise.all([
    client.tasks({ filters: { ...parseFilters(flags.filter), ...where } }),
    flags.resolve && flags.quiet !== true ? client.nodes() : [],
  ]);
  tasks.sort(compareTasks);
  if (flags.quiet === true) return tasks.forEach(({ ID }) => cli.print(ID));
  const hostnames = new Map(nodes.map(({ ID, Description }) => [ID, Description.Hostname || ID]));
  const context = { now: cli.ports.clock.now(), hostnames };
  const short = flags.trunc && flags.format === "table";
  const rows = tasks.map((task, at) => {
    const row = taskRow(task, context);
    if (flags.format === "json") return row;
    const shown = shortTaskRow(row, isSameSlot(task, tasks[at - 1]));
    return short ? shown : { ...shown, ID: row.ID, Error: row.Error === "" ? "" : `"${row.Error}"` };
  });
  printListing(cli, flags.format, { columns: COLUMNS, rows });
  if (flags.format === "table") for (const line of tasks.flatMap(leftVolumes)) cli.note(line);
}

/** What the columns have no place for: the data of a task that runs elsewhere now. */
function leftVolumes({ DesiredState, Murmur }: Task): readonly string[] {
  if (DesiredState !== "running" && DesiredState !== "ready") return [];
  return (Murmur.LeftVolumes ?? []).map(({ Name, Hostname }) => {
    return `${Murmur.ServiceName}.${String(Murmur.Slot ?? "")}: volume ${Name} stayed on node ${Hostname}`;
  });
}
