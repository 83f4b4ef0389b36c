import type { MurmurClient } from "@murmur/api";
import { ClusterError, codeOf, messageOf, sleep, type Millis } from "@murmur/base";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { hasEnded } from "../progress/slots.ts";
import { ifThere, removeNetwork } from "./deploy.ts";
import { checkStackName, ofStack } from "./stack-name.ts";
import { isOwnNetwork, PAYLOAD_FIELDS, PAYLOADS, standingOf } from "./standing.ts";
import { waitTimeoutOption } from "./wait-timeout.ts";

const LOOK_MS = 500;

export function stackRm(cli: Cli): Command {
  return newCommand({
    name: "rm",
    alias: "remove",
    usage: "[OPTIONS] STACK [STACK...]",
    summary: "Remove one or more stacks",
    details:
      "Its services, and then its networks, configs and secrets. Waits until its tasks have stopped. Volumes stay, with what is in them: `murmur volume rm`.",
    examples: [{ says: "All of it but its data", line: "murmur stack rm shop" }],
  })
    .argument("<stacks...>", "Names")
    .addOption(waitTimeoutOption())
    .action(async (stacks: readonly string[], { waitTimeout }: { readonly waitTimeout: Millis }) => {
      stacks.forEach(checkStackName);
      const client = await cli.client();
      const problems: string[] = [];
      for (const stack of stacks) problems.push(...(await removeStack(cli, client, { stack, waitTimeout })));
      if (problems.length > 0) throw new ClusterError("internal", problems.join("; "));
    });
}

/** What couldn't be removed, one line each; the rest is. */
async function removeStack(
  cli: Cli,
  client: MurmurClient,
  { stack, waitTimeout }: { readonly stack: string; readonly waitTimeout: Millis },
): Promise<readonly string[]> {
  const standing = await standingOf(client, stack);
  const networks = [...standing.networks.values()].filter((network) => isOwnNetwork(stack, network));
  const problems: string[] = [];
  const remove = async (what: string, removal: () => Promise<void>): Promise<void> => {
    cli.print(`Removing ${what}`);
    await ifThere(removal()).catch((error: unknown) => {
      problems.push(`failed to remove ${what}: ${messageOf(error)}`);
    });
  };
  if (standing.services.size + networks.length + standing.configs.size + standing.secrets.size === 0) {
    cli.note(`Nothing found in stack: ${stack}`);
    return [];
  }
  for (const [name, { ID }] of [...standing.services].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    await remove(`service ${name}`, () => client.removeService(ID));
  for (const field of PAYLOAD_FIELDS) {
    const { word, remove: removePayload } = PAYLOADS[field];
    for (const [name, { ID }] of standing[field]) await remove(`${word} ${name}`, () => removePayload(client, ID));
  }
  await untilStopped(cli, client, { stack, waitTimeout });
  for (const { Name, Id } of networks) await remove(`network ${Name}`, () => removeNetwork(cli, client, Id));
  return problems;
}

/** Errors: `timeout`. A cluster that is changing its leader is asked again. */
async function untilStopped(
  cli: Cli,
  client: MurmurClient,
  { stack, waitTimeout }: { readonly stack: string; readonly waitTimeout: Millis },
): Promise<void> {
  const { clock } = cli.ports;
  const until = clock.monotonic() + waitTimeout;
  for (;;) {
    const tasks = await client.tasks({ filters: ofStack(stack) }).catch((error: unknown) => {
      if (codeOf(error) === "no_leader" || codeOf(error) === "unavailable") return undefined;
      throw error;
    });
    const left = tasks?.filter((task) => !hasEnded(task));
    if (left?.length === 0) return;
    if (clock.monotonic() > until) {
      const count = left === undefined ? "tasks" : `${String(left.length)} tasks`;
      const line = `${count} of stack ${stack} have not stopped yet: see \`murmur stack ps ${stack}\`, and remove it again for its networks`;
      throw new ClusterError("timeout", line);
    }
    await sleep(clock, LOOK_MS, new AbortController().signal);
  }
}
