import { codeOf, ClusterError } from "@murmur/base";
import type { MurmurClient } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addLogFlags, showLogs, type LogFlags, type ShownLog } from "../logs/show-logs.ts";
import { taskLog } from "../task/task-logs.ts";

export function serviceLogs(cli: Cli): Command {
  const command = newCommand({
    name: "logs",
    usage: "[OPTIONS] SERVICE|TASK",
    summary: "Fetch the logs of a service or task",
    details:
      "Of all its tasks, also those that have ended and whose containers are still there, in the order of their times. A node that doesn't answer is named, and the rest is shown. Followed, it goes on with tasks that start later, and takes a node up again where it was when it is back.",
    examples: [
      { says: "The last ten lines of each task, then what comes", line: "murmur service logs -f --tail 10 web" },
      { says: "Of the last half hour, with times", line: "murmur service logs --since 30m --timestamps web" },
    ],
  }).argument("<service>", "Id or name");
  return addLogFlags(command).action(async (name: string, flags: LogFlags) => {
    const client = await cli.client();
    await showLogs(cli, flags, await logOf(client, name));
  });
}

/** As Docker: a service of that name, else a task. */
async function logOf(client: MurmurClient, name: string): Promise<ShownLog> {
  try {
    const { ID, Spec } = await client.service(name);
    return {
      tty: Spec.TaskTemplate?.ContainerSpec?.TTY === true,
      slots: Spec.Mode?.Replicated?.Replicas ?? 1,
      read: (options) => client.serviceLogs(ID, options),
    };
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
  }
  try {
    return await taskLog(client, name);
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
    throw new ClusterError("not_found", `no such task or service: ${name}`, { cause: error });
  }
}
