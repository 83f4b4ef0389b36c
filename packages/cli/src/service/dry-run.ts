import type { FieldChange, ServiceDryRun } from "@murmur/api";
import { ClusterError, messageOf } from "@murmur/base";
import { Option, type Command } from "commander";
import { invalid } from "../argument-error.ts";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import type { ListFormat } from "../command.ts";
import { humanSize } from "../format/human-size.ts";
import { printJson } from "../format/listing.ts";
import { formatTable } from "../format/table.ts";
import { refusalText } from "../task/explanation.ts";
import { formatDuration } from "../units/duration.ts";
import { parseCount } from "../units/number.ts";
import { slotName } from "../task/slot-name.ts";
import { entryText } from "./entry-text.ts";

/** Nodes that are shown one by one. */
const NODES_MAX = 50;

export interface DryRunFlags {
  readonly dryRun?: boolean;
  readonly format?: ListFormat;
}

export interface ChangeFlags extends DryRunFlags {
  readonly expectVersion?: string;
}

export const addDryRunFlags = (command: Command): Command =>
  command
    .option("--dry-run", "Show what would differ and where the tasks would run, and change nothing")
    .addOption(new Option("--format <format>", 'Output of --dry-run: "table" or "json"').choices(["table", "json"]));

export const addChangeFlags = (command: Command): Command =>
  addDryRunFlags(command).option(
    "--expect-version <version>",
    "Refuse when the service isn't at this version any more, as --dry-run or inspect has shown it",
  );

export function checkDryRunFlags({ dryRun, format }: DryRunFlags): void {
  if (format !== undefined && dryRun !== true)
    throw invalid("--format is about what --dry-run shows: say --dry-run too");
}

/** The version that was said, if one was. Errors: `invalid_argument`. */
export function expectedVersion({ expectVersion }: ChangeFlags): number | undefined {
  try {
    return expectVersion === undefined ? undefined : parseCount(expectVersion);
  } catch (error) {
    throw invalid(`--expect-version: ${messageOf(error)}`);
  }
}

/** Errors: `out_of_date` when a service isn't at the version that is expected of it. */
export function checkVersion(name: string, expected: number | undefined, version: number): void {
  if (expected === undefined || expected === version) return;
  throw new ClusterError(
    "out_of_date",
    `service ${name} is at version ${String(version)}, not ${String(expected)}: it was changed meanwhile; look again with --dry-run`,
  );
}

/** What was expected of a service doesn't come back by reading it again; else a change begins anew when it was overtaken. */
export const changeOnce = (expected: number | undefined): typeof changeWithRetry =>
  expected === undefined ? changeWithRetry : (attempt) => attempt();

export function showDryRun(cli: Cli, dryRun: ServiceDryRun, format: ListFormat = "table"): void {
  if (format === "json") return printJson(cli, dryRun);
  const { service, amiss, more, settled } = dryRun;
  const parts = [changesText(dryRun), tasksText(dryRun)];
  for (const { task, why, placement } of amiss) {
    parts.push(`${slotName(task)}: ${why}`);
    if (placement !== undefined && placement.refusals.length > 0) parts.push(refusalText(placement));
  }
  if (more > 0) parts.push(`and ${String(more)} more tasks`);
  if (!settled) parts.push("It had not come to rest when the time was up: so far it had got.");
  parts.push(
    service === undefined
      ? "Nothing was made."
      : `Nothing was changed. To do it only if nobody else changes the service before, say the same with --expect-version ${String(service.version)} in place of --dry-run.`,
  );
  cli.print(parts.join("\n\n"));
}

function changesText({ service, name, changes }: ServiceDryRun): string {
  if (service === undefined) {
    const rows = changes.map(({ field, after }) => [field, valueText(field, after)]);
    return `${name} would be made:\n\n${formatTable(["FIELD", "VALUE"], rows)}`;
  }
  const at = `${name} at version ${String(service.version)}`;
  if (changes.length === 0) return `${at}: nothing would differ`;
  const rows = changes.map((change: FieldChange) => {
    const { field } = change;
    return [field, side(change, "before"), side(change, "after")];
  });
  const count = changes.length === 1 ? "1 difference" : `${String(changes.length)} differences`;
  return `${at}: ${count}\n\n${formatTable(["FIELD", "NOW", "THEN"], rows)}`;
}

const side = (change: FieldChange, which: "before" | "after"): string =>
  which in change ? valueText(change.field, change[which]) : "-";

function tasksText({ service, tasks, nodes }: ServiceDryRun): string {
  const { placed, kept, stopped, waiting } = tasks;
  const counts = [`Tasks: ${String(placed)} on nodes`];
  if (service !== undefined) counts[0] += ` (${String(kept)} kept, ${String(tasks.new)} new)`;
  if (stopped > 0) counts.push(`${String(stopped)} stopped`);
  if (waiting > 0) counts.push(`${String(waiting)} waiting`);
  const line = counts.join(", ");
  if (nodes.length === 0) return line;
  const shown = nodes.slice(0, NODES_MAX);
  const table =
    service === undefined
      ? formatTable(
          ["NODE", "TASKS"],
          shown.map(({ hostname, after }) => [hostname, String(after)]),
        )
      : formatTable(
          ["NODE", "NOW", "THEN"],
          shown.map(({ hostname, before, after }) => [hostname, String(before), String(after)]),
        );
  const left = nodes.length - shown.length;
  return `${line}\n\n${table}${left > 0 ? `\nand ${String(left)} more nodes: --format json` : ""}`;
}

/** Fields that hold nanoseconds, by their last word. */
const DURATIONS = [
  "After",
  "Delay",
  "Interval",
  "Monitor",
  "StartInterval",
  "StartPeriod",
  "StopGracePeriod",
  "Timeout",
  "Window",
];
const SIZES = ["MemoryBytes", "SizeBytes"];

/** A value as people write it: what Docker's JSON has in nanoseconds and bytes is said with a unit. */
export function valueText(field: string, value: unknown): string {
  const word = field.slice(field.lastIndexOf(".") + 1);
  if (typeof value === "number") {
    if (DURATIONS.includes(word)) return formatDuration(value);
    if (SIZES.includes(word)) return humanSize(value);
    if (word === "NanoCPUs") return `${String(value / 1e9)} CPUs`;
  }
  const text = typeof value === "string" ? value : listText(field, value);
  return text !== undefined && isPlain(text) ? text : JSON.stringify(value);
}

/** Ports and mounts, or one of them. */
function listText(field: string, value: unknown): string | undefined {
  if (!Array.isArray(value) || field.endsWith("[]")) return entryText(field, value);
  const texts = value.map((entry) => entryText(`${field}[]`, entry));
  return texts.every((text) => text !== undefined) ? texts.join(", ") : undefined;
}

/** Whether a text says by itself where it begins and ends, and is one line. */
const isPlain = (text: string): boolean => text !== "" && text.trim() === text && !/\p{C}/u.test(text);
