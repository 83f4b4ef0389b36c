import type { StatsAnswer } from "@murmur/api";
import { sleep, type Millis } from "@murmur/base";
import { Option, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, type ListFormat } from "../command.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { printJson, type Column } from "../format/listing.ts";
import { formatTable } from "../format/table.ts";
import { usageOf, type TaskUsage, type UsageRow } from "./usage.ts";

const FIRST_MS: Millis = 1_000;
const EACH_MS: Millis = 2_000;
/** Home, and clear what is below. */
const REDRAW = "\u001B[H\u001B[J";
const CLEAR = "\u001B[2J";

export interface StatsFlags {
  readonly stream: boolean;
  readonly format: ListFormat;
}

export const addStatsFlags = (command: Command): Command =>
  command.addOption(new Option("--no-stream", "Show one result and end")).addOption(formatOption());

export const USAGE_COLUMNS: readonly Column<UsageRow>[] = [
  { header: "CPU %", field: "CPUPerc" },
  { header: "MEM USAGE / LIMIT", field: "MemUsage" },
  { header: "MEM %", field: "MemPerc" },
  { header: "NET I/O", field: "NetIO" },
  { header: "BLOCK I/O", field: "BlockIO" },
  { header: "PIDS", field: "PIDs" },
];

export interface ShownStats<Row> {
  readonly columns: readonly Column<Row>[];
  readonly look: (signal: AbortSignal) => Promise<StatsAnswer>;
  readonly rows: (usages: readonly TaskUsage[], answer: StatsAnswer) => Promise<readonly Row[]>;
}

/** Shows what is used, once or until Ctrl-C. A node that doesn't answer is named; the rest is shown. */
export async function showStats<Row extends Readonly<Record<keyof Row, string>>>(
  cli: Cli,
  flags: StatsFlags,
  shown: ShownStats<Row>,
): Promise<void> {
  const { clock, stdout } = cli.ports;
  const signal = cli.ports.interrupts();
  const redraws = flags.stream && flags.format === "table" && stdout.isTerminal;
  if (redraws) stdout.write(CLEAR);
  try {
    let before = await shown.look(signal);
    for (let waitMs = FIRST_MS; ; waitMs = EACH_MS) {
      await sleep(clock, waitMs, signal);
      const now = await shown.look(signal);
      const rows = await shown.rows(usageOf(before, now), now);
      const problems = now.nodes.filter(({ problem }) => problem !== undefined);
      if (flags.format === "json" && flags.stream) cli.print(JSON.stringify(rows));
      else if (flags.format === "json") printJson(cli, rows);
      else stdout.write(`${redraws ? REDRAW : ""}${tableOf(shown.columns, rows)}\n`);
      for (const { hostname, id, problem = "" } of problems)
        cli.note(`murmur: node ${hostname} (${id}) is not available: ${problem}`);
      if (!flags.stream) {
        if (problems.length > 0) cli.exitStatus = EXIT_STATUS.unavailable;
        return;
      }
      before = now;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    cli.exitStatus = EXIT_STATUS.cancelled;
  }
}

function tableOf<Row extends Readonly<Record<keyof Row, string>>>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): string {
  const cells = rows.map((row) => columns.map(({ field }) => row[field]));
  return formatTable(
    columns.map(({ header }) => header),
    cells,
  );
}
