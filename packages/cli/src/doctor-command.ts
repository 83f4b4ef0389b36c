import type { DoctorReport } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "./cli.ts";
import { formatOption, listOption, newCommand, type ListFormat } from "./command.ts";
import { FAILURE } from "./exit-status.ts";
import { printJson } from "./format/listing.ts";
import { formatTable } from "./format/table.ts";

interface DoctorFlags {
  readonly repair?: boolean;
  readonly node: readonly string[];
  readonly format: ListFormat;
}

export function doctorCommand(cli: Cli): Command {
  return newCommand({
    name: "doctor",
    usage: "[OPTIONS]",
    summary: "Compare how every node carries traffic with how it should",
    details:
      "Looks at what each node's kernel, listeners and container engine really have: devices, forwarding entries, rules, ports. The nodes do so by themselves now and then, and mend what they find; --repair has it done now. Exits with 1 when something is wrong and was not mended, or a node can't tell.",
    examples: [
      { says: "Look", line: "murmur doctor" },
      { says: "Look, and mend what is wrong", line: "murmur doctor --repair" },
      { says: "This node and another one", line: "murmur doctor --node self --node host2" },
    ],
  })
    .option("--repair", "Mend what is found")
    .addOption(listOption("--node <node>", "Only this node, by id or host name, or self; may be repeated"))
    .addOption(formatOption())
    .action(async ({ repair = false, node: nodes, format }: DoctorFlags) => {
      const client = await cli.client();
      const report = await client.doctor({ repair, nodes });
      if (format === "json") printJson(cli, report);
      else cli.print(reportText(report));
      if (!isWell(report)) cli.exitStatus = FAILURE;
    });
}

/** A node that is down is no surprise; one that is up and can't tell is. */
const isWell = ({ nodes }: DoctorReport): boolean =>
  nodes.every(({ state, differences }) => state !== "unknown" && differences.every(({ mended }) => mended === true));

function reportText({ nodes }: DoctorReport): string {
  const rows = nodes.flatMap(({ hostname, state, message = "", differences }) => {
    if (state !== "checked") return [[hostname, "", state === "down" ? "is down" : `can't tell: ${message}`]];
    return differences.map(({ where, what, mended }) => [hostname, where, `${what}${outcome(mended)}`]);
  });
  const checked = nodes.filter(({ state }) => state === "checked").length;
  const found = nodes.reduce((sum, { differences }) => sum + differences.length, 0);
  const all = `${count(checked, "node")} checked`;
  const summary = found === 0 ? `${all}, nothing differs.` : `${all}, ${count(found, "difference")}.`;
  return rows.length === 0 ? summary : `${formatTable(["NODE", "WHERE", "WHAT"], rows)}\n\n${summary}`;
}

const outcome = (mended: boolean | undefined): string =>
  mended === undefined ? "" : mended ? " (mended)" : " (not mended)";

const count = (number: number, what: string): string => `${String(number)} ${what}${number === 1 ? "" : "s"}`;
