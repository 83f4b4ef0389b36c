import type { MurmurClient } from "@murmur/api";
import { ClusterError, codeOf, messageOf, sleep, type Millis } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { unsentText } from "./interrupted-text.ts";
import { removeOldPayloads } from "./old-payloads.ts";
import type { Plan } from "./plan.ts";
import { rollOut, type RolledOut } from "./roll-out.ts";
import { NO_STACK_DISPLAY, stackDisplayOn } from "./stack-display.ts";
import type { StackImages } from "./stack-images.ts";
import { PAYLOAD_FIELDS, PAYLOADS } from "./standing.ts";

export interface DeployOptions {
  readonly images: StackImages;
  readonly detach: boolean;
  readonly quiet: boolean;
  readonly prune: boolean;
  readonly waitTimeoutMs: Millis;
}

/**
 * Does what the plan says: removes what isn't wanted any more, so that its ports are free; makes what services need; sends
 * the services in their order and waits for them. Errors: `internal` when some didn't converge. What was interrupted, or
 * failed half-way, is simply done again: what there is already is left alone.
 */
export async function deploy(cli: Cli, plan: Plan, options: DeployOptions): Promise<void> {
  const client = await cli.client();
  const signal = cli.ports.interrupts();
  const { wish, removed } = plan;
  for (const { ID } of removed.services) await ifThere(client.removeService(ID));
  for (const network of plan.networks) {
    const { Warning } = await client.createNetwork(network);
    if (Warning !== "") cli.note(`murmur: warning: ${Warning}`);
  }
  for (const field of PAYLOAD_FIELDS) {
    for (const { body } of plan[field]) if (body !== undefined) await PAYLOADS[field].create(client, body);
  }
  const display = options.quiet || options.detach ? NO_STACK_DISPLAY : stackDisplayOn(cli.ports.stdout);
  const result = await rollOut(cli, plan.services, { client, display, signal, ...options });
  if (signal.aborted) return interrupted(cli, plan, result);
  if (result.failures.size > 0) throw failed(wish.stack, result);
  for (const network of removed.networks) await removeNetwork(cli, client, network.Id);
  if (options.detach) return;
  await removeOldPayloads(client, wish, { all: options.prune });
  if (!options.quiet) cli.print(`verify: Stack ${wish.stack} converged`);
}

function interrupted(cli: Cli, { wish }: Plan, { unsent }: RolledOut): void {
  cli.note(unsentText(wish.stack, unsent));
  cli.exitStatus = EXIT_STATUS.cancelled;
}

function failed(stack: string, { failures }: RolledOut): ClusterError {
  const parts = [...failures].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, why]) => `${name}: ${why}`);
  return new ClusterError("internal", `stack ${stack} did not converge: ${parts.join("; ")}`);
}

/** What somebody else has removed meanwhile is what was wanted. */
export async function ifThere(removal: Promise<void>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (codeOf(error) !== "not_found") throw error;
  });
}

/** How long tasks of services that were removed may take to leave a network. */
const LEAVE_LIMIT_MS = 60_000;
const LEAVE_LOOK_MS = 500;

/** A network that tasks are still in is removed as soon as they have stopped; else it stays, and that is told. */
export async function removeNetwork(cli: Cli, client: MurmurClient, id: string): Promise<void> {
  const { clock } = cli.ports;
  const until = clock.monotonic() + LEAVE_LIMIT_MS;
  for (;;) {
    try {
      return await ifThere(client.removeNetwork(id));
    } catch (error) {
      if (codeOf(error) !== "in_use") throw error;
      if (clock.monotonic() > until) return cli.note(`murmur: warning: ${messageOf(error)}`);
    }
    await sleep(clock, LEAVE_LOOK_MS, new AbortController().signal);
  }
}
