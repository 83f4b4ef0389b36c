import { readdirSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { DockerRuntime } from "@murmur/agent";
import { loadServer, openEngine, parseDaemonAddress } from "@murmur/api";
import { messageOf, type Log } from "@murmur/base";
import { openNodeState, type NodeState } from "@murmur/storage";
import { isOwnAddress } from "./advertise-address.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import { openMetrics } from "./metrics.ts";
import { openNode } from "./open-node.ts";
import { openLog } from "./pino-log.ts";
import { systemClock } from "./system-clock.ts";
import { systemEdge } from "./system-edge.ts";
import { newId, systemRandom } from "./system-random.ts";
import { MURMUR_VERSION } from "./version.ts";

/** Heartbeats must go out also while the tasks burn all CPU; a negative value needs root. */
const PRIORITY = -10;

/**
 * Runs the daemon until SIGTERM, SIGINT or SIGHUP: serves the API on the socket, and is a node of its cluster while it has an
 * identity. Rejects when it can't start: data directory, socket or port in use, or not writable, TLS files that are wrong.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const log = openLog({ level: options.logLevel, format: options.logFormat });
  await using stack = new AsyncDisposableStack();
  const state = stack.use(await openNodeState({ directory: join(options.dataDir, "node") }));
  raisePriority(log);
  log.info("murmur daemon", { version: MURMUR_VERSION, dataDir: options.dataDir, socket: options.socketPath });
  const stopped = stopSignal(log);
  await serveNode(options, { state, log, stack });
  await stopped;
}

async function serveNode(
  options: DaemonOptions,
  { state, log, stack }: { readonly state: NodeState; readonly log: Log; readonly stack: AsyncDisposableStack },
): Promise<void> {
  const { serve } = await loadServer();
  const engine = openEngine(parseDaemonAddress(options.dockerHost), systemClock);
  const runtime = new DockerRuntime(options.dockerHost);
  const { control, api } = await openNode({
    daemon: options,
    state,
    runtime,
    edge: systemEdge(options, { runtime, log }),
    engine,
    metrics: openMetrics,
    clock: systemClock,
    random: systemRandom(),
    newId,
    log,
  });
  // In reverse: the API stops taking requests first, then the node hands over and stops.
  stack.defer(() => control.stop());
  const resumed = control.resume();
  const serving = { api, engine, clock: systemClock, log };
  stack.use(await serve({ ...serving, listen: { socketPath: options.socketPath } }));
  if (options.tcp !== undefined) stack.use(await serve({ ...serving, listen: options.tcp }));
  await resumed;
  const standing = control.status();
  if (standing.state !== "active" || isOwnAddress(standing.address)) return;
  const text =
    "the other nodes look for this one at an address that this machine doesn't have; if it has another one now, start the daemon with --advertise-addr";
  log.warn(text, { address: standing.address });
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
function stopSignal(log: Log): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (name: NodeJS.Signals): void => {
      if (asked) process.exit(1);
      asked = true;
      log.info("stopping", { signal: name });
      resolve();
    };
    // A terminal that closes is as good a reason as any other: it must not cost the cluster an election.
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, onSignal);
  });
}

/**
 * On Linux a priority is a thread's, and new threads have that of the one that starts them. Those that collect garbage
 * and those that write to the disk are waited for: a log whose syncs come after all other work holds up every request.
 */
function raisePriority(log: Log): void {
  try {
    setPriority(PRIORITY);
    if (process.platform !== "linux") return;
    for (const thread of readdirSync("/proc/self/task")) setPriority(Number(thread), PRIORITY);
  } catch (error) {
    log.debug("the daemon runs at normal priority", { error: messageOf(error) });
  }
}
