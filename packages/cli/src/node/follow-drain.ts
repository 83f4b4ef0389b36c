import type { MurmurClient } from "@murmur/api";
import { ClusterError, codeOf, sleep } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { EXIT_STATUS, FAILURE } from "../exit-status.ts";
import { displayOn, NO_DISPLAY } from "../progress/display.ts";
import { DrainProgress, isLeft, type DrainPicture } from "./drain-progress.ts";
import { EXPLAINED_MAX, explainSome } from "./explain-some.ts";

const POLL_MS = 500;
/** How long in a row nothing may be heard from the cluster. */
const SILENCE_MAX_MS = 60_000;

export interface FollowDrainOptions {
  readonly id: string;
  readonly name: string;
  readonly quiet: boolean;
}

/**
 * Shows how a node empties and returns when it has no task left; says which tasks were stopped at the deadline. Throws
 * when the node is down or takes tasks again. Ctrl-C ends the watching, not the work.
 */
export async function followDrain(cli: Cli, { id, name, quiet }: FollowDrainOptions): Promise<void> {
  const { clock, stdout } = cli.ports;
  const display = quiet ? NO_DISPLAY : displayOn(stdout);
  const progress = new DrainProgress();
  const signal = cli.ports.interrupts();
  const client = await cli.client();
  let heardAt = clock.monotonic();
  while (!signal.aborted) {
    try {
      const picture = await look(client, id, { progress, signal });
      heardAt = clock.monotonic();
      refuse(picture, name);
      const judgement = progress.look(picture);
      display.show(judgement);
      if (judgement.verdict.kind === "converged") return conclude(cli, progress, { name, quiet });
    } catch (error) {
      const isPassing = codeOf(error) !== "failed_precondition" && codeOf(error) !== "not_found";
      if (!signal.aborted && (!isPassing || clock.monotonic() - heardAt > SILENCE_MAX_MS)) throw error;
    }
    await sleep(clock, POLL_MS, signal).catch(() => {});
  }
  cli.note(`Operation continuing in background. Use \`murmur node ps ${name}\` to check progress.`);
  cli.exitStatus = EXIT_STATUS.cancelled;
}

async function look(
  client: MurmurClient,
  id: string,
  { progress, signal }: { readonly progress: DrainProgress; readonly signal: AbortSignal },
): Promise<DrainPicture> {
  const [node, tasks] = await Promise.all([
    client.node(id, { signal }),
    client.tasks({ filters: { node: [id] }, signal }),
  ]);
  return { node, tasks, explained: await explainSome(client, progress.news(tasks), { signal }) };
}

function refuse({ node, tasks }: DrainPicture, name: string): void {
  if (node.Spec.Availability !== "drain")
    throw new ClusterError("failed_precondition", `node ${name} takes tasks again: its availability was changed`);
  const left = tasks.filter(isLeft).length;
  if (node.Status.State !== "down" || left === 0) return;
  const what = `node ${name} is down: what runs there (${String(left)} tasks) is replaced elsewhere`;
  throw new ClusterError("failed_precondition", `${what}, and can't be stopped before it is back`);
}

function conclude(cli: Cli, { cut }: DrainProgress, { name, quiet }: { name: string; quiet: boolean }): void {
  if (!quiet) cli.print(`verify: Node ${name} has no task left`);
  if (cut.length === 0) return;
  cli.exitStatus = FAILURE;
  cli.note(`murmur: stopped at the deadline, before their replacements ran: ${String(cut.length)}`);
  for (const reason of cut.slice(0, EXPLAINED_MAX)) cli.note(`  ${reason}`);
  if (cut.length > EXPLAINED_MAX) cli.note(`  and ${String(cut.length - EXPLAINED_MAX)} more`);
}
