import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "@murmur/base";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { existingNodes, readRecord } from "./dev-layout.ts";
import { addDevFlags, devRoot, type DevFlags } from "./dev-options.ts";

export function devDown(cli: Cli): Command {
  const command = newCommand({
    name: "down",
    usage: "[OPTIONS]",
    summary: "Stop the cluster on this machine and remove all that is left of it",
    details: "Its daemons, its containers with their anonymous volumes, and its state.",
    examples: [{ says: "All of it", line: "murmur dev down" }],
  });
  return addDevFlags(command).action((flags: DevFlags) => down(cli, flags));
}

async function down(cli: Cli, flags: DevFlags): Promise<void> {
  const root = devRoot(flags, cli.ports);
  const nodes = await existingNodes(root);
  if (nodes.length === 0) return cli.print("There is no development cluster.");
  const { runningProcess } = await import("./dev-process.ts");
  const { stopProcess } = await import("../daemon/background.ts");
  const { signal } = new AbortController();
  const stopped = await Promise.all(
    nodes.map(async (node) => {
      const pid = await runningProcess(node);
      return pid === undefined || (await stopProcess(pid, cli.ports.clock, signal));
    }),
  );
  const left = nodes.filter((_node, at) => stopped[at] === false).map(({ name }) => name);
  if (left.length > 0) throw new ClusterError("internal", `${left.join(", ")} can't be stopped`);
  const record = await readRecord(root);
  const { removeContainers } = await import("./engine-containers.ts");
  const removed = record === undefined ? 0 : await removeContainers(record.dockerHost, record.clusterId);
  for (const { folder } of nodes) await rm(folder, { recursive: true, force: true });
  await rm(join(root, "cluster.json"), { force: true });
  cli.print(`Removed ${String(nodes.length)} nodes and ${String(removed)} containers.`);
}
