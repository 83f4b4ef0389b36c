import { Option, type Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { listOption, newCommand } from "../command.ts";
import { readAll, readFile } from "../read-file.ts";
import { parseAssignments } from "../units/assignment.ts";
import type { PayloadKind } from "./payload-kind.ts";

interface CreateFlags {
  readonly label: readonly string[];
  readonly templateDriver?: string;
}

export function payloadCreate(cli: Cli, { word, argument, create }: PayloadKind): Command {
  const isSecret = word === "secret";
  return newCommand({
    name: "create",
    usage: `[OPTIONS] ${argument} ${isSecret ? "[file|-]" : "file|-"}`,
    summary: `Create a ${word} from a file or STDIN as content`,
    details: isSecret
      ? "A secret is sealed before it is stored, is handed only to nodes that run a task that uses it, is kept in memory there, and is never shown again. It can't be changed: create another one, and update services to it."
      : "A config can't be changed: create another one, and update services to it.",
    examples: [
      { says: "From a file", line: `murmur ${word} create db ./db.txt` },
      { says: "From standard input", line: `printf %s "$VALUE" | murmur ${word} create db -` },
      {
        says: "Filled in for each task",
        line: `murmur ${word} create --template-driver golang site ./site.conf.tmpl`,
      },
    ],
  })
    .argument("<name>", "What it is called")
    .argument(isSecret ? "[file]" : "<file>", 'Where its content is; "-" for standard input')
    .addOption(listOption("-l, --label <key=value>", "Label; may be repeated"))
    .addOption(new Option("--template-driver <driver>", "Template driver").choices(["golang"]))
    .action(async (name: string, file: string | undefined, { label, templateDriver }: CreateFlags) => {
      const bytes =
        file === undefined || file === "-"
          ? await readAll(cli.ports.stdin.read(), "standard input")
          : await readFile(file);
      if (bytes.length === 0) throw invalid(`${file === undefined || file === "-" ? "standard input" : file} is empty`);
      const body = {
        Name: name,
        Labels: parseAssignments(label),
        Data: bytes.toString("base64"),
        ...(templateDriver !== undefined && { Templating: { Name: templateDriver } }),
      };
      cli.print((await create(await cli.client(), body)).ID);
    });
}
