import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addExecFlags, execWish, type ExecFlags } from "../exec/exec-flags.ts";
import { runExec } from "../exec/run-exec.ts";

export function taskExec(cli: Cli): Command {
  const command = newCommand({
    name: "exec",
    usage: "[OPTIONS] TASK COMMAND [ARG...]",
    summary: "Run a command in a running task",
    details: "On whichever node it is, as `murmur service exec` does.",
    examples: [{ says: "A shell in one task", line: "murmur task exec -it k2x9 sh" }],
  }).argument("<task>", "Id, its beginning, or a name such as web.1.ID");
  return addExecFlags(command).action(
    async (name: string, program: string, args: readonly string[], flags: ExecFlags) => {
      const wish = execWish(cli, flags, [program, ...args]);
      const client = await cli.client();
      const { ID } = await client.task(name);
      await runExec(cli, ID, wish);
    },
  );
}
