import type { Service } from "@murmur/api";
import { ClusterError } from "@murmur/base";
import type { Command } from "commander";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { baselineOf, followService, type FollowOptions } from "../progress/follow-service.ts";
import { addWaitFlags, type WaitFlags } from "./service-create.ts";

type Spec = Service["Spec"];

/** What a command makes of a service's spec; undefined: it is so already. */
type Change = (spec: Spec, name: string) => Spec | undefined;

const withStopped = (spec: Spec, Stopped: boolean): Spec | undefined =>
  (spec.Murmur?.Stopped === true) === Stopped ? undefined : { ...spec, Murmur: { ...spec.Murmur, Stopped } };

export const serviceStop = (cli: Cli): Command =>
  changing(cli, (spec) => withStopped(spec, true), {
    name: "stop",
    summary: "Stop one or more services, and keep all else that they are",
    details:
      "Its tasks stop as they would for an update. Its name, addresses, ports and number of replicas stay its own until it is started again.",
    examples: [
      {
        says: "Stop two, and start one of them again",
        line: "murmur service stop web api && murmur service start web",
      },
    ],
  });

export const serviceStart = (cli: Cli): Command =>
  changing(cli, (spec) => withStopped(spec, false), {
    name: "start",
    summary: "Start one or more services that were stopped",
    details: "With as many tasks as it had, or as it was scaled to meanwhile. A job runs again from its beginning.",
    examples: [{ says: "As it was", line: "murmur service start web" }],
  });

export const serviceRestart = (cli: Cli): Command =>
  changing(cli, restarted, {
    name: "restart",
    summary: "Replace all tasks of one or more services by new ones",
    details:
      "As an update that changes nothing: as many at once, in the order and with the pauses that --update-… says.",
    examples: [{ says: "One task after the other", line: "murmur service restart web" }],
  });

function restarted(spec: Spec, name: string): Spec {
  if (spec.Murmur?.Stopped === true) {
    throw new ClusterError("failed_precondition", `service ${name} is stopped; start it: murmur service start ${name}`);
  }
  const { TaskTemplate } = spec;
  return { ...spec, TaskTemplate: { ...TaskTemplate, ForceUpdate: (TaskTemplate.ForceUpdate ?? 0) + 1 } };
}

interface Words {
  readonly name: string;
  readonly summary: string;
  readonly details: string;
  readonly examples: readonly { readonly says: string; readonly line: string }[];
}

/** A command that changes the specs of services that it names, all of them before it waits for any. */
function changing(cli: Cli, change: Change, words: Words): Command {
  const command = newCommand({ ...words, usage: "[OPTIONS] SERVICE [SERVICE...]" });
  return addWaitFlags(command.argument("<services...>", "Ids or names")).action(
    async (names: readonly string[], { detach, quiet }: WaitFlags) => {
      const following: FollowOptions[] = [];
      for (const name of names) {
        following.push({ ...(await apply(cli, name, change)), quiet: quiet === true });
        cli.print(name);
      }
      if (detach === true) return;
      for (const options of following) await followService(cli, options);
    },
  );
}

async function apply(cli: Cli, name: string, change: Change): Promise<Omit<FollowOptions, "quiet">> {
  const client = await cli.client();
  return changeWithRetry(async () => {
    const service = await client.service(name);
    const baseline = await baselineOf(client, service);
    const spec = change(service.Spec, name);
    if (spec !== undefined) await client.updateService(service.ID, { version: service.Version.Index, spec });
    return { id: service.ID, name, baseline };
  });
}
