import type { RecoveryPlan } from "@murmur/api";
import { ClusterError } from "@murmur/base";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { humanDuration } from "../format/human-duration.ts";
import { printJson } from "../format/listing.ts";
import { formatTable } from "../format/table.ts";

interface RecoverFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly format: ListFormat;
}

export function clusterRecover(cli: Cli): Command {
  return newCommand({
    name: "recover",
    usage: "[OPTIONS]",
    summary: "Take the cluster up again on this host when most of its managers are lost for good",
    details:
      "Shows which managers can be reached, how far this host's log goes and what may be lost; then asks. This host becomes the only manager, with all that it has: nodes, services, tasks, keys. Containers run on, nodes come back by themselves, and the cluster chooses its other managers anew. Old managers that return take part as ordinary nodes. Run it on a host that was a manager; if another one knows more, it says which.",
    examples: [
      { says: "Look, then decide", line: "murmur cluster recover" },
      { says: "In a script", line: "murmur cluster recover --yes" },
    ],
  })
    .option("-y, --yes", "Do it without asking")
    .option("--dry-run", "Only show what it would do")
    .option("-f, --force", "Also when a majority of the managers, or one that knows more, can be reached")
    .addOption(formatOption())
    .action(async (flags: RecoverFlags) => {
      const client = await cli.client();
      const plan = await client.recoveryPlan();
      if (flags.format === "json") printJson(cli, plan);
      else cli.print(planText(plan, cli.ports.clock.now()));
      if (flags.dryRun === true) return;
      if (!plan.advised && flags.force !== true) throw new ClusterError("failed_precondition", plan.verdict);
      if (flags.yes !== true) await confirm(cli, plan);
      await client.recover({ force: flags.force === true });
      cli.note("The cluster goes on: this node is its only manager until it has chosen others; see `murmur node ls`.");
    });
}

/** Has the person say the cluster's name: nobody types that by accident. */
async function confirm(cli: Cli, { cluster, node }: RecoveryPlan): Promise<void> {
  const question = `To make ${node.hostname} the only manager, type the name of the cluster (${cluster.name}): `;
  const answer = await cli.ports.ask(question);
  if (answer === undefined)
    throw new ClusterError("failed_precondition", "nothing was changed: say --yes to recover without being asked");
  if (answer.trim() !== cluster.name)
    throw new ClusterError("cancelled", `nothing was changed: "${answer.trim()}" is not the cluster's name`);
}

function planText(plan: RecoveryPlan, now: number): string {
  const { cluster, node, log, keeps } = plan;
  const uncommitted =
    log.uncommitted === 0 ? "" : `, ${String(log.uncommitted)} of them not known to be committed (they are kept)`;
  const facts: readonly (readonly [string, string])[] = [
    ["Cluster", `${cluster.name} (${cluster.id})`],
    ["This node", `${node.hostname} at ${node.address}`],
    ["Its log", `up to entry ${String(log.lastIndex)} of term ${String(log.term)}${uncommitted}`],
    ["Newest change", log.lastChangeAt === undefined ? "none" : ago(log.lastChangeAt, now)],
    [
      "Keeps",
      `${String(keeps.nodes)} nodes, ${String(keeps.services)} services, ${String(keeps.tasks)} tasks (${String(keeps.running)} running)`,
    ],
  ];
  const rows = plan.managers.map(({ hostname, address, role, state, deadSince, log: end }) => [
    hostname,
    address,
    role,
    deadSince === undefined ? state : `${state}, dead since ${ago(deadSince, now)}`,
    end === undefined ? "?" : String(end.index),
  ]);
  return [
    ...facts.map(([name, value]) => `${`${name}:`.padEnd(16)}${value}`),
    "",
    formatTable(["MANAGER", "ADDRESS", "ROLE", "STATE", "LOG UP TO"], rows),
    "",
    "What may be lost:",
    ...(plan.mayLose.length === 0 ? ["  nothing"] : plan.mayLose.map((line) => `  - ${line}`)),
    "",
    `${plan.advised ? "Possible" : "Not advised"}: ${plan.verdict}.`,
  ].join("\n");
}

const ago = (at: string, now: number): string => `${at} (${humanDuration(now - Date.parse(at)).toLowerCase()} ago)`;
