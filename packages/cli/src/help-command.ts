import { ClusterError } from "@murmur/base";
import type { Command } from "commander";
import { newCommand, subcommandOf } from "./command.ts";

/** What `--help` shows, by the words in the order in which people think of them. */
export function helpCommand(program: Command): Command {
  return newCommand({
    name: "help",
    usage: "[COMMAND...]",
    summary: "Show the help page of a command",
    details: "The same as --help at the end of its words.",
    examples: [
      { says: "What commands there are", line: "murmur help" },
      { says: "The flags of one", line: "murmur help service create" },
    ],
  })
    .argument("[words...]", "The command's words")
    .action((words: readonly string[]) => named(program, words).outputHelp());
}

/** @throws ClusterError `invalid_argument` when no command is called so */
function named(program: Command, words: readonly string[]): Command {
  let command = program;
  const path = [program.name()];
  for (const word of words) {
    const next = subcommandOf(command, word);
    if (next === undefined)
      throw new ClusterError("invalid_argument", `unknown command '${word}'; see \`${path.join(" ")} --help\``);
    path.push(next.name());
    command = next;
  }
  return command;
}
