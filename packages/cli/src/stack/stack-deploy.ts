import { Option, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { readApplication, withApplicationOptions, type ApplicationFlags } from "./application-source.ts";
import { deployApplication, type DeployFlags } from "./deploy-application.ts";
import { RESOLVE_MODES } from "./stack-images.ts";
import { checkStackName } from "./stack-name.ts";
import { waitTimeoutOption } from "./wait-timeout.ts";

type Flags = DeployFlags & ApplicationFlags;

export function stackDeploy(cli: Cli): Command {
  const command = newCommand({
    name: "deploy",
    alias: "up",
    usage: "[OPTIONS] STACK",
    summary: "Deploy a new stack or update an existing stack",
    details:
      "Shows what would be created, changed and removed, asks at a terminal, and waits until all services have converged; exits with 1 when one doesn't. What is unchanged isn't touched, so that an interrupted deployment is simply run again. Without -c: compose.yaml, compose.yml or docker-compose.yml of this directory, and its override. With -f: Deployments, Services, ConfigMaps and Secrets as for Kubernetes.",
    examples: [
      { says: "From a file", line: "murmur stack deploy -c compose.yaml shop" },
      {
        says: "With another over it, and without what they have no more",
        line: "murmur stack deploy -c compose.yaml -c prod.yaml --prune shop",
      },
      { says: "Only look what it would do", line: "murmur stack deploy --dry-run shop" },
      { says: "From a program", line: "make-compose | murmur stack deploy -c - shop" },
      { says: "From Kubernetes manifests", line: "murmur stack deploy -f deployment.yaml -f service.yaml shop" },
    ],
  }).argument("<stack>", "Name");
  return withApplicationOptions(command)
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
      const { composeFile, envFile, filename, profile, ...how } = flags;
      const application = await readApplication(cli, { composeFile, envFile, filename, profile }, stack);
      await deployApplication(cli, application, { ...how, stack });
    });
}
