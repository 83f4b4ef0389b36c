import type { Command } from "commander";
import type { Project } from "@murmur/compose";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { listOption } from "../command.ts";
import { composeInput } from "./compose-source.ts";
import { unsupportedIn, type Unsupported } from "./convert/unsupported.ts";
import { manifestFiles } from "./manifest-source.ts";

export interface ApplicationFlags {
  readonly composeFile: readonly string[];
  readonly envFile: readonly string[];
  readonly filename: readonly string[];
  readonly profile: readonly string[];
}

/** An application as its files say it. */
export interface Application {
  readonly project: Project;
  /** What a cluster can't honour of it. */
  readonly unsupported: readonly Unsupported[];
  /** One line each for people: what was understood in another way than it is written. */
  readonly notes: readonly string[];
}

export const withApplicationOptions = (command: Command): Command =>
  command
    .addOption(listOption("-c, --compose-file <path>", 'A Compose file, or "-" for standard input; may be repeated'))
    .addOption(
      listOption(
        "-f, --filename <path>",
        'A file or directory of Kubernetes manifests, or "-" for standard input; may be repeated',
      ),
    )
    .addOption(listOption("--profile <name>", "A profile whose services belong to it too; may be repeated"))
    .addOption(listOption("--env-file <path>", "Variables, in place of the directory's .env; may be repeated"));

/** Reads Compose files, or manifests. `name`: of the stack. Errors: `invalid_argument` with the file and the line. */
export async function readApplication(cli: Cli, flags: ApplicationFlags, name?: string): Promise<Application> {
  if (flags.filename.length > 0) return readManifests(cli, flags);
  // Only whoever needs them pays for the readers of files.
  const { loadProject } = await import("@murmur/compose");
  const input = { files: flags.composeFile, envFiles: flags.envFile };
  const { source, files, projectDirectory } = await composeInput(cli.ports, input);
  const warn = (warning: string): void => cli.note(`murmur: warning: ${warning}`);
  const options = { files, profiles: flags.profile, projectDirectory, warn, ...(name !== undefined && { name }) };
  return applicationOf(loadProject(source, options));
}

export const applicationOf = (project: Project): Application => ({
  project,
  unsupported: unsupportedIn(project),
  notes: [],
});

async function readManifests(cli: Cli, flags: ApplicationFlags): Promise<Application> {
  if (flags.composeFile.length > 0)
    throw invalid("-c names Compose files, and -f Kubernetes manifests: deploy them as two stacks");
  for (const [option, given] of [
    ["--profile", flags.profile],
    ["--env-file", flags.envFile],
  ] as const)
    if (given.length > 0) throw invalid(`${option} is of Compose files, and manifests have none: leave it out`);
  const { loadManifests } = await import("@murmur/kubernetes");
  return loadManifests(await manifestFiles(cli.ports, flags.filename));
}
