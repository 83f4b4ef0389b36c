import type { MurmurClient } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addLogFlags, showLogs, type LogFlags, type ShownLog } from "../logs/show-logs.ts";

export function taskLogs(cli: Cli): Command {
  const command = newCommand({
    name: "logs",
    usage: "[OPTIONS] TASK",
    summary: "Fetch the logs of a task",
    details: "From whichever node it is on. Followed, it ends with the task.",
    examples: [{ says: "What a task wrote before it failed", line: "murmur task logs --tail 20 k2x9" }],
  }).argument("<task>", "Id, its beginning, or a name such as web.1.ID");
  return addLogFlags(command).action(async (name: string, flags: LogFlags) => {
    const client = await cli.client();
    await showLogs(cli, flags, await taskLog(client, name));
  });
}

/** Errors: `not_found`. */
export async function taskLog(client: MurmurClient, name: string): Promise<ShownLog> {
  const { ID, Murmur, Spec } = await client.task(name);
  return {
    tty: Spec.ContainerSpec.TTY === true,
    slots: Murmur.Slot ?? 1,
    read: (options) => client.taskLogs(ID, options),
  };
}
