import { readFileSync } from "node:fs";
import type { ServiceSpec } from "@murmur/api";
import { messageOf } from "@murmur/base";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { followService } from "../progress/follow-service.ts";
import { addDryRunFlags, checkDryRunFlags, showDryRun, type DryRunFlags } from "./dry-run.ts";
import type { FlagContext } from "./flag.ts";
import { registryAuth } from "../registry/registry-auth.ts";
import { addImageFlags, resolveImage, setImage, warningsOf, type ImageFlags } from "./resolve-image.ts";
import { addServiceFlags, applyServiceFlags } from "./service-options.ts";

/** Flags of the commands that wait for a service. */
export interface WaitFlags {
  readonly detach?: boolean;
  readonly quiet?: boolean;
}

export const addWaitFlags = (command: Command): Command =>
  command
    .option("-d, --detach", "Exit immediately instead of waiting for the service to converge")
    .option("-q, --quiet", "Suppress progress output");

export function serviceCreate(cli: Cli): Command {
  const command = newCommand({
    name: "create",
    usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    summary: "Create a new service",
    details:
      "Waits until all tasks have run for a second, and says why one can't be placed or started; exits with 1 when tasks fail again and again. --detach returns at once.",
    examples: [
      {
        says: "Three web servers on port 80 of every node",
        line: "murmur service create --name web --replicas 3 -p 80:8080 IMAGE",
      },
      {
        says: "In a network, under another name too",
        line: "murmur service create --network name=shop,alias=db IMAGE",
      },
      { says: "With limits", line: "murmur service create --limit-cpu 0.5 --limit-memory 64M IMAGE" },
      {
        says: "One task on each node of a zone",
        line: "murmur service create --mode global --constraint node.labels.zone==east IMAGE",
      },
      {
        says: "From a registry that wants a login, with the one that docker login has kept",
        line: "murmur service create --with-registry-auth registry.example/shop:1",
      },
      { says: "Only look where its tasks would run", line: "murmur service create --dry-run --replicas 3 IMAGE" },
      { says: "Another command", line: "murmur service create --name echo IMAGE nc -l -p 5353" },
    ],
  })
    .argument("<image>", "What to run")
    .argument("[command...]", "Command and arguments, in place of the image's")
    .passThroughOptions();
  addServiceFlags(addDryRunFlags(addImageFlags(addWaitFlags(command))), "create").action(
    async (image: string, args: readonly string[], flags: WaitFlags & ImageFlags & DryRunFlags) => {
      checkDryRunFlags(flags);
      const spec = newService(command, image, { args, context: { ...flagContext(cli), networkId: (text) => text } });
      const client = await cli.client();
      const auth = flags.withRegistryAuth === true ? { registryAuth: registryAuth(cli, image) } : {};
      const resolved = await resolveImage(image, { client: flags.resolveImage ? client : undefined, ...auth });
      setImage(spec, resolved);
      const warn = (warnings: readonly string[]): void => {
        for (const warning of warnings) cli.note(`murmur: warning: ${warning}`);
      };
      if (flags.dryRun === true) {
        const dryRun = await client.dryRunService(spec);
        warn(warningsOf(resolved));
        return showDryRun(cli, dryRun, flags.format);
      }
      const { ID, Warnings } = await client.createService(spec, auth);
      warn([...(Warnings ?? []), ...warningsOf(resolved)]);
      cli.print(ID);
      if (flags.detach !== true) {
        await followService(cli, { id: ID, name: spec.Name ?? ID, quiet: flags.quiet === true });
      }
    },
  );
  return command;
}

function newService(
  command: Command,
  image: string,
  { args, context }: { readonly args: readonly string[]; readonly context: FlagContext },
): ServiceSpec {
  const spec: ServiceSpec = {
    TaskTemplate: { ContainerSpec: { Image: image, ...(args.length === 0 ? {} : { Args: [...args] }) } },
    Mode: { Replicated: {} },
  };
  applyServiceFlags(command, spec, { purpose: "create", context });
  return spec;
}

export const flagContext = (cli: Cli): Omit<FlagContext, "networkId"> => ({
  env: cli.ports.env,
  readFile: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw invalid(`can't read ${path}: ${messageOf(error)}`);
    }
  },
});
