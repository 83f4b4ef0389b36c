import type { Argument, Command } from "commander";
import { Cli } from "./cli.ts";
import { examplesOf } from "./command.ts";
import { EXIT_STATUS_MEANINGS } from "./exit-status.ts";
import { INERT_PORTS } from "./inert-ports.ts";
import { optionText } from "./option-text.ts";
import { createProgram } from "./program.ts";

/** The reference: a Markdown page for each group of commands, by file name, made from the commands themselves. */
export function referencePages(): ReadonlyMap<string, string> {
  using cli = new Cli(INERT_PORTS);
  const program = createProgram(cli);
  const groups = visible(program);
  const pages = new Map([["README.md", overview(program, groups)]]);
  for (const group of groups) pages.set(`${group.name()}.md`, groupPage(group));
  return pages;
}

const visible = (command: Command): readonly Command[] => command.createHelp().visibleCommands(command);

const MADE = "<!-- Made from the commands by `npm run docs`: change them, not this. -->";

function overview(program: Command, groups: readonly Command[]): string {
  return page([
    MADE,
    "# murmur",
    usage(program),
    program.summary(),
    table(
      ["Command", "What it does"],
      groups.map((group) => [`[\`murmur ${group.name()}\`](${group.name()}.md)`, group.summary()]),
    ),
    "## Options before every command",
    optionTable(program),
    "## Exit status",
    table(
      ["Status", "Meaning"],
      EXIT_STATUS_MEANINGS.map(([status, says]) => [String(status), says]),
    ),
    "What fails is one line on standard error that starts with `murmur:`.",
    examples(program),
  ]);
}

function groupPage(group: Command): string {
  const commands = visible(group);
  if (commands.length === 0) return page([MADE, ...commandParts(group, "#")]);
  return page([
    MADE,
    `# murmur ${group.name()}`,
    group.summary(),
    table(
      ["Command", "What it does"],
      commands.map((command) => [
        `[\`${command.name()}\`](#murmur-${group.name()}-${command.name()})`,
        command.summary(),
      ]),
    ),
    ...commands.flatMap((command) => commandParts(command, "##")),
  ]);
}

function commandParts(command: Command, heading: string): readonly string[] {
  const aliases = command.aliases().map((alias) => `\`${alias}\``);
  return [
    `${heading} ${pathOf(command)}`,
    command.description(),
    usage(command),
    aliases.length === 0 ? "" : `Also: ${aliases.join(", ")}`,
    argumentTable(command.registeredArguments),
    optionTable(command),
    examples(command),
  ];
}

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

const usage = (command: Command): string => `\`\`\`\n${pathOf(command)} ${command.usage()}\n\`\`\``;

const argumentTable = (parameters: readonly Argument[]): string =>
  table(
    ["Argument", "What it is"],
    parameters
      .filter(({ description }) => description !== "")
      .map((parameter) => [`\`${parameter.name()}\``, parameter.description]),
  );

const optionTable = (command: Command): string =>
  table(
    ["Option", "What it does"],
    command
      .createHelp()
      .visibleOptions(command)
      .map((option) => [`\`${option.flags}\``, optionText(option, "`")]),
  );

function examples(command: Command): string {
  const lines = examplesOf(command).map(({ says, line }) => `# ${says}\n${line}`);
  return lines.length === 0 ? "" : `\`\`\`sh\n${lines.join("\n\n")}\n\`\`\``;
}

function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(headers), line(headers.map(() => "---")), ...rows.map(line)].join("\n");
}

const page = (parts: readonly string[]): string => `${parts.filter((part) => part !== "").join("\n\n")}\n`;
