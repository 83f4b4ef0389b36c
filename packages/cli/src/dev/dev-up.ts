import { mkdir } from "node:fs/promises";
import { Option, type Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { parseCount } from "../units/number.ts";
import { addDevFlags, devRoot, type DevFlags } from "./dev-options.ts";
import { DEV_NODES_MAX, daemonArguments, devNode, existingNodes, writeRecord, type DevNode } from "./dev-layout.ts";
import { printStatus } from "./dev-table.ts";

interface UpFlags extends DevFlags {
  readonly nodes: string;
}

/** The longest path that a socket's address holds. */
const SOCKET_PATH_MAX = 103;
const DEFAULT_ENGINE = "unix:///var/run/docker.sock";

export function devUp(cli: Cli): Command {
  const command = newCommand({
    name: "up",
    usage: "[OPTIONS]",
    summary: "Run a cluster of several nodes on this machine, over its one Docker engine",
    details:
      "Each node is a daemon of its own with a loopback address of its own: 127.0.0.11, 127.0.0.12, … Published ports answer on each of them. Run again after a reboot, it takes the same cluster up; with more --nodes, it grows.",
    examples: [
      { says: "Three nodes", line: "murmur dev up --nodes 3" },
      { says: "Then use one", line: "murmur --socket /var/lib/murmur-dev/1/docker.sock node ls" },
    ],
  });
  return addDevFlags(command)
    .addOption(new Option("--nodes <number>", "How many").default("3"))
    .option("--docker-host <address>", `The engine (default: $DOCKER_HOST, else ${DEFAULT_ENGINE})`)
    .action((flags: UpFlags) => up(cli, flags));
}

async function up(cli: Cli, flags: UpFlags): Promise<void> {
  const { ports } = cli;
  const root = devRoot(flags, ports);
  const count = parseCount(flags.nodes);
  if (count < 1 || count > DEV_NODES_MAX) throw invalid(`--nodes ${flags.nodes}: give 1 to ${String(DEV_NODES_MAX)}`);
  const dockerHost = flags.dockerHost || ports.env["DOCKER_HOST"] || DEFAULT_ENGINE;
  const known = await existingNodes(root);
  const nodes = Array.from({ length: Math.max(count, known.length) }, (_none, at) => devNode(root, at + 1));
  const { checkEngine } = await import("./engine-containers.ts");
  await checkEngine(dockerHost);
  const signal = ports.interrupts();
  await Promise.all(nodes.map((node) => start(cli, node, { dockerHost, signal })));
  const { formCluster } = await import("./dev-form.ts");
  const clusterId = await formCluster(nodes, ports.clock, signal);
  await writeRecord(root, { clusterId, dockerHost });
  await printStatus(cli, nodes, "table");
  cli.print(`\nUse a node with\n\n    export MURMUR_HOST=unix://${nodes[0]?.socketPath ?? ""}\n`);
}

/** Starts a node that doesn't run yet, and waits until it answers. */
async function start(
  cli: Cli,
  node: DevNode,
  { dockerHost, signal }: { readonly dockerHost: string; readonly signal: AbortSignal },
): Promise<void> {
  const { runningProcess, writePid } = await import("./dev-process.ts");
  if ((await runningProcess(node)) !== undefined) return;
  if (Buffer.byteLength(node.socketPath) > SOCKET_PATH_MAX) {
    throw invalid(`${node.socketPath} is too long for a socket: say a shorter --dir`);
  }
  const { checkLoopback } = await import("./loopback-check.ts");
  await checkLoopback(node.ip);
  await mkdir(node.dataDir, { recursive: true, mode: 0o700 });
  const { startInBackground } = await import("../daemon/background.ts");
  const daemon = await startInBackground({
    command: [...cli.ports.self, ...daemonArguments(node, dockerHost)],
    logFile: node.logFile,
    socketPath: node.socketPath,
    clock: cli.ports.clock,
  });
  await writePid(node, daemon.pid);
  await daemon.answers(signal);
}
