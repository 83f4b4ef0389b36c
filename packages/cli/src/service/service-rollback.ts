import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { baselineOf, followService } from "../progress/follow-service.ts";
import {
  addChangeFlags,
  changeOnce,
  checkDryRunFlags,
  checkVersion,
  expectedVersion,
  showDryRun,
  type ChangeFlags,
} from "./dry-run.ts";
import { addWaitFlags, type WaitFlags } from "./service-create.ts";

export function serviceRollback(cli: Cli): Command {
  const command = newCommand({
    name: "rollback",
    usage: "[OPTIONS] SERVICE",
    summary: "Revert changes to a service's configuration",
    details: "Goes back to the spec before the last update, as --rollback-… says. Going back twice brings it again.",
    examples: [{ says: "Undo the last update", line: "murmur service rollback web" }],
  }).argument("<service>", "Id or name");
  return addChangeFlags(addWaitFlags(command)).action((name: string, flags: WaitFlags & ChangeFlags) =>
    rollBack(cli, name, flags),
  );
}

export async function rollBack(cli: Cli, name: string, flags: WaitFlags & ChangeFlags): Promise<void> {
  checkDryRunFlags(flags);
  const client = await cli.client();
  const expected = expectedVersion(flags);
  if (flags.dryRun === true) {
    const { ID: id, Version, Spec } = await client.service(name);
    checkVersion(name, expected, Version.Index);
    const dryRun = await client.dryRunService(Spec, { id, version: Version.Index, rollback: true });
    return showDryRun(cli, dryRun, flags.format);
  }
  const { service, baseline } = await changeOnce(expected)(async () => {
    const service = await client.service(name);
    checkVersion(name, expected, service.Version.Index);
    const baseline = await baselineOf(client, service, true);
    await client.rollbackService(service.ID, { version: service.Version.Index, spec: service.Spec });
    return { service, baseline };
  });
  cli.print(name);
  if (flags.detach === true) return;
  await followService(cli, { id: service.ID, name, baseline, quiet: flags.quiet === true });
}
