import type { MurmurClient, RegistryAuth, ServiceSpec } from "@murmur/api";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { baselineOf, followService } from "../progress/follow-service.ts";
import { registryAuth } from "../registry/registry-auth.ts";
import {
  addChangeFlags,
  changeOnce,
  checkDryRunFlags,
  checkVersion,
  expectedVersion,
  showDryRun,
  type ChangeFlags,
} from "./dry-run.ts";
import { networkIds } from "./network-ids.ts";
import { addImageFlags, resolveImage, setImage, warningsOf } from "./resolve-image.ts";
import type { ImageFlags, ResolvedImage } from "./resolve-image.ts";
import { addWaitFlags, flagContext, type WaitFlags } from "./service-create.ts";
import { addServiceFlags, applyServiceFlags } from "./service-options.ts";
import { rollBack } from "./service-rollback.ts";
import { containerOf } from "./spec-parts.ts";

interface UpdateFlags extends WaitFlags, ImageFlags, ChangeFlags {
  readonly image?: string;
  readonly rollback?: boolean;
}

/** What may be said of going back. */
const ROLLBACK_FLAGS = ["detach", "quiet", "dry-run", "format", "expect-version"];
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
      { says: "Only look what it would do", line: "murmur service update --dry-run --reserve-memory 2G web" },
      {
        says: "Another port and variable",
        line: "murmur service update --publish-add 8080:80 --env-add COLOR=blue --env-rm OLD web",
      },
    ],
  })
    .argument("<service>", "Id or name")
    .option("--rollback", "Go back to the spec before the last update");
  addServiceFlags(addChangeFlags(addImageFlags(addWaitFlags(command))), "update").action(
    async (name: string, flags: UpdateFlags) => {
      checkDryRunFlags(flags);
      if (flags.rollback === true) {
        checkAlone(command);
        return rollBack(cli, name, flags);
      }
      const client = await cli.client();
      const isMoved = NETWORK_FLAGS.some((flag) => command.getOptionValueSource(flag) === "cli");
      const networkId = isMoved ? await networkIds(client) : (text: string): string => text;
      const context = { ...flagContext(cli), networkId };
      const image = imageUpdate(cli, client, flags);
      const expected = expectedVersion(flags);
      const read = async () => {
        const service = await client.service(name);
        checkVersion(name, expected, service.Version.Index);
        applyServiceFlags(command, service.Spec, { purpose: "update", context });
        return { service, ...(await image(service.Spec)) };
      };
      if (flags.dryRun === true) {
        const { service, warnings } = await read();
        const dryRun = await client.dryRunService(service.Spec, { id: service.ID, version: service.Version.Index });
        for (const warning of warnings) cli.note(`murmur: warning: ${warning}`);
        return showDryRun(cli, dryRun, flags.format);
      }
      const { service, baseline, warnings } = await changeOnce(expected)(async () => {
        const { service, auth, warnings } = await read();
        const baseline = await baselineOf(client, service);
        await client.updateService(service.ID, { version: service.Version.Index, spec: service.Spec }, auth);
        return { service, baseline, warnings };
      });
      for (const warning of warnings) cli.note(`murmur: warning: ${warning}`);
      cli.print(name);
      if (flags.detach === true) return;
      await followService(cli, { id: service.ID, name, baseline, quiet: flags.quiet === true });
    },
  );
  return command;
}

interface ImageUpdate {
  readonly auth: RegistryAuth;
  readonly warnings: readonly string[];
}

/** What the flags about images ask for; whoever tries the update again asks no registry again. */
function imageUpdate(cli: Cli, client: MurmurClient, flags: UpdateFlags): (spec: ServiceSpec) => Promise<ImageUpdate> {
  let auth: RegistryAuth | undefined;
  let resolved: ResolvedImage | undefined;
  return async (spec) => {
    const image = flags.image ?? containerOf(spec).Image;
    // Of the image as it was, where that stays: Docker's flag logs in again without another change.
    auth ??= flags.withRegistryAuth === true ? { registryAuth: registryAuth(cli, image) } : {};
    if (flags.image === undefined) return { auth, warnings: [] };
    resolved ??= await resolveImage(image, { client: flags.resolveImage ? client : undefined, ...auth });
    setImage(spec, resolved);
    return { auth, warnings: warningsOf(resolved) };
  };
}

function checkAlone(command: Command): void {
  const given = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map((option) => option.name());
  const other = given.find((name) => !["rollback", ...ROLLBACK_FLAGS].includes(name));
  if (other !== undefined) throw invalid(`--rollback takes the whole spec back: --${other} can't be said with it`);
}
