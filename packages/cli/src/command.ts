import { Command, Option } from "commander";
import { optionText } from "./option-text.ts";

export interface Example {
  readonly line: string;
  readonly says: string;
}

export interface CommandStart {
  readonly name: string;
  readonly alias?: string;
  /** As Docker writes it: `[OPTIONS] SERVICE [SERVICE...]`. */
  readonly usage: string;
  readonly summary: string;
  /** More than the summary says, for the help page. */
  readonly details?: string;
  readonly examples: readonly Example[];
}

const EXAMPLES = new WeakMap<Command, readonly Example[]>();
export const examplesOf = (command: Command): readonly Example[] => EXAMPLES.get(command) ?? [];

/** A command with its examples; flags end at the first argument only where the arguments are another program's. */
export function newCommand(start: CommandStart): Command {
  const command = new Command(start.name)
    .usage(start.usage)
    .summary(start.summary)
    .description(start.details === undefined ? start.summary : `${start.summary}.\n\n${start.details}`)
    .helpOption("--help", "Show this help")
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (sub) => sub.name(), optionDescription: (option) => optionText(option, '"') });
  if (start.alias !== undefined) command.alias(start.alias);
  EXAMPLES.set(command, start.examples);
  command.addHelpText("after", () => exampleText(start.examples));
  return command;
}

function exampleText(examples: readonly Example[]): string {
  if (examples.length === 0) return "";
  const lines = examples.flatMap(({ says, line }) => [`  # ${says}`, `  $ ${line}`]);
  return ["", examples.length === 1 ? "Example:" : "Examples:", ...lines].join("\n");
}

/** A group of commands: `murmur service …`. */
export const newGroup = (name: string, summary: string, commands: readonly Command[]): Command => {
  const group = newCommand({ name, usage: "COMMAND", summary, examples: [] }).enablePositionalOptions();
  for (const command of commands) group.addCommand(command);
  return group;
};

/** The command of a group that a word names, by its name or its alias. */
export const subcommandOf = ({ commands }: Command, word: string): Command | undefined =>
  commands.find((sub) => sub.name() === word || sub.aliases().includes(word));

export type ListFormat = "table" | "json";

export const formatOption = (): Option =>
  new Option("--format <format>", 'Output as a "table" or as one "json" document')
    .choices(["table", "json"])
    .default("table");

/** An option that may be given several times. */
export const listOption = (flags: string, help: string): Option =>
  new Option(flags, help).default([]).argParser((text: string, previous: readonly string[]) => [...previous, text]);
