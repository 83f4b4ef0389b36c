import type { MurmurClient, Service, Task } from "@murmur/api";
import { ClusterError, codeOf } from "@murmur/base";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addExecFlags, execWish, type ExecFlags } from "../exec/exec-flags.ts";
import { runExec } from "../exec/run-exec.ts";

export function serviceExec(cli: Cli): Command {
  const command = newCommand({
    name: "exec",
    usage: "[OPTIONS] SERVICE[.SLOT] COMMAND [ARG...]",
    summary: "Run a command in a running task of a service",
    details:
      "On whichever node the task is: with a terminal, its size and keys, with input and output, with signals, and with the command's exit code. Without a slot it is the task with the lowest; of a global service SLOT is a node.",
    examples: [
      { says: "A shell", line: "murmur service exec -it web sh" },
      { says: "In the third task", line: "murmur service exec web.3 cat /etc/hostname" },
      { says: "Of a global service, on one node", line: "murmur service exec agent.host2 uptime" },
    ],
  }).argument("<service>", "Id or name, and slot");
  return addExecFlags(command).action(
    async (service: string, program: string, args: readonly string[], flags: ExecFlags) => {
      const wish = execWish(cli, flags, [program, ...args]);
      const task = await taskIn(await cli.client(), service);
      await runExec(cli, task.ID, wish);
    },
  );
}

/** The running task that is meant. Errors: `not_found`; `failed_precondition` when none runs. */
async function taskIn(client: MurmurClient, text: string): Promise<Task> {
  const { service, slot } = await named(client, text);
  const tasks = await client.tasks({ filters: { service: [service.ID], "desired-state": ["running", "complete"] } });
  const running = tasks.filter(({ Status }) => Status.State === "running");
  const nodes = slot !== undefined && !/^\d+$/.test(slot) ? await client.nodes() : [];
  const isMeant = ({ Murmur, NodeID }: Task): boolean =>
    slot === undefined ||
    String(Murmur.Slot) === slot ||
    NodeID === slot ||
    nodes.some(({ ID, Description }) => ID === NodeID && Description.Hostname === slot);
  const [task] = running.filter(isMeant).toSorted((left, right) => (left.Murmur.Slot ?? 0) - (right.Murmur.Slot ?? 0));
  if (task !== undefined) return task;
  const name = service.Spec.Name ?? service.ID;
  const where = slot === undefined ? "" : ` at ${slot}`;
  throw new ClusterError(
    "failed_precondition",
    `service ${name} has no running task${where}: see murmur service ps ${name}`,
  );
}

async function named(
  client: MurmurClient,
  text: string,
): Promise<{ readonly service: Service; readonly slot?: string }> {
  try {
    return { service: await client.service(text) };
  } catch (error) {
    const cut = text.indexOf(".");
    if (codeOf(error) !== "not_found" || cut <= 0) throw error;
    return { service: await client.service(text.slice(0, cut)), slot: text.slice(cut + 1) };
  }
}
