import { Option, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { listOption, newCommand } from "../command.ts";
import { composeInput } from "./compose-source.ts";
import { deployProject, type DeployFlags } from "./deploy-project.ts";
import { RESOLVE_MODES } from "./stack-images.ts";
import { checkStackName } from "./stack-name.ts";
import { waitTimeoutOption } from "./wait-timeout.ts";

interface Flags extends DeployFlags {
  readonly composeFile: readonly string[];
  readonly envFile: readonly string[];
  readonly profile: readonly string[];
}

export function stackDeploy(cli: Cli): Command {
  return newCommand({
    name: "deploy",
    alias: "up",
    usage: "[OPTIONS] STACK",
    summary: "Deploy a new stack or update an existing stack",
    details:
      "Shows what would be created, changed and removed, asks at a terminal, and waits until all services have converged; exits with 1 when one doesn't. What is unchanged isn't touched, so that an interrupted deployment is simply run again. Without -c: compose.yaml, compose.yml or docker-compose.yml of this directory, and its override.",
    examples: [
      { says: "From a file", line: "murmur stack deploy -c compose.yaml shop" },
      {
        says: "With another over it, and without what they have no more",
        line: "murmur stack deploy -c compose.yaml -c prod.yaml --prune shop",
      },
      { says: "Only look what it would do", line: "murmur stack deploy --dry-run shop" },
      { says: "From a program", line: "make-compose | murmur stack deploy -c - shop" },
    ],
  })
    .argument("<stack>", "Name")
    .addOption(listOption("-c, --compose-file <path>", 'A Compose file, or "-" for standard input; may be repeated'))
    .addOption(listOption("--profile <name>", "A profile whose services are deployed too; may be repeated"))
    .addOption(listOption("--env-file <path>", "Variables, in place of the directory's .env; may be repeated"))
    .option("--prune", "Remove services, networks, configs and secrets that the files don't have")
    .addOption(
      new Option("--resolve-image <mode>", "Ask the registry for the images' digests")
        .choices(RESOLVE_MODES)
        .default("always"),
    )
    .option("--with-registry-auth", "Send registry authentication details to swarm agents")
    .option("--allow-unsupported", "Leave out what a cluster can't honour, and list it")
    .option("--dry-run", "Show the plan, and change nothing")
    .option("-y, --yes", "Don't ask")
    .option("-d, --detach", "Return as soon as all services were sent, instead of waiting for them")
    .option("-q, --quiet", "Suppress progress output")
    .addOption(waitTimeoutOption())
    .action(async (stack: string, flags: Flags) => {
      checkStackName(stack);
      // Only whoever deploys pays for the reader of Compose files.
      const { loadProject } = await import("@murmur/compose");
      const { composeFile, envFile, profile, ...how } = flags;
      const { source, files, projectDirectory } = await composeInput(cli.ports, {
        files: composeFile,
        envFiles: envFile,
      });
      const warn = (warning: string): void => cli.note(`murmur: warning: ${warning}`);
      const project = loadProject(source, { files, profiles: profile, projectDirectory, name: stack, warn });
      await deployProject(cli, project, { ...how, stack });
    });
}
