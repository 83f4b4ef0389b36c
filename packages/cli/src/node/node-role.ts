import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { changeNode } from "./change-node.ts";
import { pinned } from "./node-update.ts";

const ROLES = {
  promote: { role: "manager", says: "promoted to a manager", summary: "Pin one or more nodes as managers" },
  demote: { role: "worker", says: "demoted", summary: "Keep one or more nodes from being managers" },
} as const;

/** `murmur node promote` and `murmur node demote`. */
export function nodeRole(cli: Cli, name: keyof typeof ROLES): Command {
  const { role, says, summary } = ROLES[name];
  return newCommand({
    name,
    usage: "NODE [NODE...]",
    summary,
    details: "Otherwise the cluster chooses its managers by itself; `murmur node update --role auto` lets it again.",
    examples: [{ says: "One node", line: `murmur node ${name} host2` }],
  })
    .argument("<nodes...>", "Ids or host names")
    .action(async (names: readonly string[]) => {
      for (const node of names) {
        await changeNode(cli, node, (spec) => ({ ...spec, ...pinned(spec, role) }));
        cli.print(`Node ${node} ${says} in the cluster.`);
      }
    });
}
