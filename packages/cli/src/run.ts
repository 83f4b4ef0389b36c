import { ClusterError, codeOf, messageOf } from "@murmur/base";
import { CommanderError, type Command } from "commander";
import { Cli } from "./cli.ts";
import { subcommandOf } from "./command.ts";
import { EXIT_STATUS, SUCCESS } from "./exit-status.ts";
import type { CliPorts } from "./ports.ts";
import { createProgram } from "./program.ts";
import { rewriteSwitches } from "./switch-values.ts";

/**
 * Runs one command line (without the program's own name) and returns the exit status. Never rejects: what fails is one
 * line on standard error.
 */
export async function runCli(argv: readonly string[], ports: CliPorts): Promise<number> {
  using cli = new Cli(ports);
  const program = createProgram(cli);
  quietly(program, cli);
  try {
    await program.parseAsync(rewriteSwitches(argv), { from: "user" });
    return cli.exitStatus;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return SUCCESS;
    const shown = error instanceof CommanderError ? misuse(error, commandOf(program, argv)) : error;
    cli.note(`murmur: ${messageOf(shown)}`);
    return EXIT_STATUS[codeOf(shown)];
  }
}

/** Commander must neither exit nor write an error by itself. */
function quietly(command: Command, cli: Cli): void {
  const { stdout } = cli.ports;
  command.exitOverride().configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: () => {},
    getOutHelpWidth: () => (stdout.isTerminal ? stdout.columns : 100),
    getOutHasColors: () => false,
  });
  for (const sub of command.commands) quietly(sub, cli);
}

/** Commander's complaint as one line that says where to look. */
function misuse(error: CommanderError, command: string): ClusterError {
  const text = error.message
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .replace(/\.$/, "")
    .replace(/^\(outputHelp\)$/, "a command is missing");
  return new ClusterError("invalid_argument", `${text}; see \`${command} --help\``, { cause: error });
}

/** The innermost command that the words name. */
function commandOf(program: Command, argv: readonly string[]): string {
  const names = [program.name()];
  let command = program;
  for (const word of argv) {
    const next = subcommandOf(command, word);
    if (next === undefined) continue;
    names.push(next.name());
    command = next;
  }
  return names.join(" ");
}
