import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { baselineOf, followService } from "../progress/follow-service.ts";
import { networkIds } from "./network-ids.ts";
import { addWaitFlags, flagContext, type WaitFlags } from "./service-create.ts";
import { addServiceFlags, applyServiceFlags } from "./service-options.ts";
import { rollBack } from "./service-rollback.ts";

interface UpdateFlags extends WaitFlags {
  readonly rollback?: boolean;
}

/** As commander names what is said with --network-add and --network-rm. */
const NETWORK_FLAGS = ["networkAdd", "networkRm"] as const;

export function serviceUpdate(cli: Cli): Command {
  const command = newCommand({
    name: "update",
    usage: "[OPTIONS] SERVICE",
    summary: "Update a service",
    details:
      "Changes only what is named, task by task as --update-… says. Waits as `service create` does; exits with 1 when the update is paused or rolled back.",
    examples: [
      { says: "A new image", line: "murmur service update --image web:2 web" },
      {
        says: "Two tasks at a time, new ones first",
        line: "murmur service update --update-parallelism 2 --update-order start-first --image web:2 web",
      },
      {
        says: "Another port and variable",
        line: "murmur service update --publish-add 8080:80 --env-add COLOR=blue --env-rm OLD web",
      },
    ],
  })
    .argument("<service>", "Id or name")
    .option("--rollback", "Go back to the spec before the last update");
  addServiceFlags(addWaitFlags(command), "update").action(async (name: string, flags: UpdateFlags) => {
    if (flags.rollback === true) {
      checkAlone(command);
      return rollBack(cli, name, flags);
    }
    const client = await cli.client();
    const isMoved = NETWORK_FLAGS.some((flag) => command.getOptionValueSource(flag) === "cli");
    const networkId = isMoved ? await networkIds(client) : (text: string): string => text;
    const context = { ...flagContext(cli), networkId };
    const { service, baseline } = await changeWithRetry(async () => {
      const service = await client.service(name);
      const baseline = await baselineOf(client, service);
      applyServiceFlags(command, service.Spec, { purpose: "update", context });
      await client.updateService(service.ID, { version: service.Version.Index, spec: service.Spec });
      return { service, baseline };
    });
    cli.print(name);
    if (flags.detach === true) return;
    await followService(cli, { id: service.ID, name, baseline, quiet: flags.quiet === true });
  });
  return command;
}

function checkAlone(command: Command): void {
  const given = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map((option) => option.name());
  const other = given.find((name) => !["rollback", "detach", "quiet"].includes(name));
  if (other !== undefined) throw invalid(`--rollback takes the whole spec back: --${other} can't be said with it`);
}
