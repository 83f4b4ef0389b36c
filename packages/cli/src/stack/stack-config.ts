import { Option, type Command } from "commander";
import type { Project, ProjectFormat } from "@murmur/compose";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { readApplication, withApplicationOptions, type ApplicationFlags } from "./application-source.ts";
import { composeInput } from "./compose-source.ts";
import { unsupportedText } from "./convert/unsupported.ts";

interface Flags extends ApplicationFlags {
  readonly format: ProjectFormat;
  readonly images?: boolean;
  readonly profiles?: boolean;
  readonly quiet?: boolean;
  readonly services?: boolean;
  readonly volumes?: boolean;
}

export function stackConfig(cli: Cli): Command {
  const command = newCommand({
    name: "config",
    usage: "[OPTIONS]",
    summary: "Show the application as it would be deployed",
    details:
      "Merges the files, puts variables in and writes every short form out. What a cluster can't honour is warned of; deploying it is refused. Files and variables that configs and secrets come from are named, not shown. No daemon is asked.",
    examples: [
      { says: "What two files come to", line: "murmur stack config -c compose.yaml -c prod.yaml" },
      { says: "The images, to pull them somewhere", line: "murmur stack config --images" },
      { says: "What Kubernetes manifests are as a Compose file", line: "murmur stack config -f web.yaml" },
      { says: "Only look whether the files are right", line: "murmur stack config -q" },
    ],
  });
  return withApplicationOptions(command)
    .addOption(new Option("--format <format>", "How to write it").choices(["yaml", "json"]).default("yaml"))
    .option("--images", "Show only the names of the images")
    .option("--profiles", "Show only the names of the profiles")
    .option("-q, --quiet", "Show nothing but what is wrong")
    .option("--services", "Show only the names of the services")
    .option("--volumes", "Show only the names of the volumes")
    .action(async (flags: Flags) => {
      const write = (text: string): void => {
        if (flags.quiet !== true) cli.ports.stdout.write(text);
      };
      if (flags.profiles === true) return write(linesOf(await profilesOf(cli, flags)));
      const { project, unsupported, notes } = await readApplication(cli, flags);
      for (const note of notes) cli.note(`murmur: note: ${note}`);
      for (const found of unsupported) cli.note(`murmur: warning: a cluster can't honour ${unsupportedText(found)}`);
      const names = namesIn(project, flags);
      if (names !== undefined) return write(linesOf(names));
      const { projectText } = await import("@murmur/compose");
      write(projectText(project, flags.format));
    });
}

async function profilesOf(cli: Cli, { composeFile, envFile, filename, profile }: Flags): Promise<readonly string[]> {
  if (filename.length > 0) return [];
  const { loadProfiles } = await import("@murmur/compose");
  const { source, files, projectDirectory } = await composeInput(cli.ports, { files: composeFile, envFiles: envFile });
  return loadProfiles(source, { files, profiles: profile, projectDirectory });
}

function namesIn(project: Project, { images, services, volumes }: Flags): readonly string[] | undefined {
  if (services === true) return [...project.services.keys()].toSorted();
  if (volumes === true) return [...project.volumes.keys()].toSorted();
  if (images !== true) return undefined;
  return [...new Set([...project.services.values()].flatMap(({ image }) => image ?? []))].toSorted();
}

const linesOf = (names: readonly string[]): string => names.map((name) => `${name}\n`).join("");
