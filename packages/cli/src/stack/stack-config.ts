import { Option, type Command } from "commander";
import type { LoadOptions, Project, ProjectFormat } from "@murmur/compose";
import type { Cli } from "../cli.ts";
import { listOption, newCommand } from "../command.ts";
import { composeInput } from "./compose-source.ts";
import { unsupportedIn, unsupportedText } from "./convert/unsupported.ts";

interface Flags {
  readonly composeFile: readonly string[];
  readonly envFile: readonly string[];
  readonly profile: readonly string[];
  readonly format: ProjectFormat;
  readonly images?: boolean;
  readonly profiles?: boolean;
  readonly quiet?: boolean;
  readonly services?: boolean;
  readonly volumes?: boolean;
}

export function stackConfig(cli: Cli): Command {
  return newCommand({
    name: "config",
    usage: "[OPTIONS]",
    summary: "Show the application as it would be deployed",
    details:
      "Merges the files, puts variables in and writes every short form out. What a cluster can't honour is warned of; deploying it is refused. Files and variables that configs and secrets come from are named, not shown. No daemon is asked.",
    examples: [
      { says: "What two files come to", line: "murmur stack config -c compose.yaml -c prod.yaml" },
      { says: "The images, to pull them somewhere", line: "murmur stack config --images" },
      { says: "Only look whether the files are right", line: "murmur stack config -q" },
    ],
  })
    .addOption(listOption("-c, --compose-file <path>", 'A Compose file, or "-" for standard input; may be repeated'))
    .addOption(listOption("--profile <name>", "A profile whose services are shown too; may be repeated"))
    .addOption(listOption("--env-file <path>", "Variables, in place of the directory's .env; may be repeated"))
    .addOption(new Option("--format <format>", "How to write it").choices(["yaml", "json"]).default("yaml"))
    .option("--images", "Show only the names of the images")
    .option("--profiles", "Show only the names of the profiles")
    .option("-q, --quiet", "Show nothing but what is wrong")
    .option("--services", "Show only the names of the services")
    .option("--volumes", "Show only the names of the volumes")
    .action(async (flags: Flags) => {
      const { loadProfiles, loadProject, projectText } = await import("@murmur/compose");
      const input = { files: flags.composeFile, envFiles: flags.envFile };
      const { source, files, projectDirectory } = await composeInput(cli.ports, input);
      const warn = (warning: string): void => cli.note(`murmur: warning: ${warning}`);
      const write = (text: string): void => {
        if (flags.quiet !== true) cli.ports.stdout.write(text);
      };
      const options: LoadOptions = { files, profiles: flags.profile, projectDirectory, warn };
      if (flags.profiles === true) return write(linesOf(loadProfiles(source, options)));
      const project = loadProject(source, options);
      for (const found of unsupportedIn(project)) warn(`a cluster can't honour ${unsupportedText(found)}`);
      const names = namesIn(project, flags);
      const text = names === undefined ? projectText(project, flags.format) : linesOf(names);
      write(text);
    });
}

function namesIn(project: Project, { images, services, volumes }: Flags): readonly string[] | undefined {
  if (services === true) return [...project.services.keys()].toSorted();
  if (volumes === true) return [...project.volumes.keys()].toSorted();
  if (images !== true) return undefined;
  return [...new Set([...project.services.values()].flatMap(({ image }) => image ?? []))].toSorted();
}

const linesOf = (names: readonly string[]): string => names.map((name) => `${name}\n`).join("");
