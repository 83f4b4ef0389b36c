import type { ExecConfig } from "@murmur/api";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { listOption } from "../command.ts";
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from "./detach-keys.ts";
import type { ExecWish } from "./run-exec.ts";
import { readVariableFiles, readVariables } from "../service/environment.ts";
import { flagContext } from "../service/service-create.ts";

export interface ExecFlags {
  readonly detach?: boolean;
  readonly detachKeys?: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly interactive?: boolean;
  readonly privileged?: boolean;
  readonly tty?: boolean;
  readonly user?: string;
  readonly workdir?: string;
}

/** The flags of `docker exec`. */
export const addExecFlags = (command: Command): Command =>
  command
    .argument("<command>", "What to run there")
    .argument("[args...]", "Its arguments")
    .passThroughOptions()
    .option("-d, --detach", "Detached mode: run the command in the background")
    .option("--detach-keys <keys>", 'Key sequence for detaching, with a terminal (default "ctrl-p,ctrl-q")')
    .addOption(listOption("-e, --env <variable>", "Set an environment variable"))
    .addOption(listOption("--env-file <path>", "Read in a file of environment variables"))
    .option("-i, --interactive", "Keep the input open")
    .option("--privileged", "Give extended privileges to the command")
    .option("-t, --tty", "Allocate a terminal")
    .option("-u, --user <user>", "Name or id of the user, and group: USER[:GROUP]")
    .option("-w, --workdir <directory>", "Working directory in the container");

/** Errors: `invalid_argument`. */
export function execWish(cli: Cli, flags: ExecFlags, command: readonly string[]): ExecWish {
  return {
    config: execConfig(cli, flags, command),
    detach: flags.detach === true,
    detachKeys: parseDetachKeys(flags.detachKeys ?? DEFAULT_DETACH_KEYS),
  };
}

function execConfig(cli: Cli, flags: ExecFlags, command: readonly string[]): ExecConfig {
  const { detach = false, interactive = false, tty = false, privileged, user, workdir } = flags;
  if (tty && interactive && !detach && !cli.ports.stdin.isTerminal) throw invalid("the input device is not a TTY");
  const context = { ...flagContext(cli), networkId: (text: string) => text };
  const env = [...readVariableFiles(flags.envFile, context), ...readVariables(flags.env, context)];
  return {
    Cmd: command,
    AttachStdin: interactive && !detach,
    AttachStdout: !detach,
    AttachStderr: !detach,
    Tty: tty,
    ...(env.length > 0 && { Env: env }),
    ...(user !== undefined && { User: user }),
    ...(workdir !== undefined && { WorkingDir: workdir }),
    ...(privileged === true && { Privileged: true }),
  };
}
