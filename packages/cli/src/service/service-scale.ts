import type { Service } from "@murmur/api";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { baselineOf, followService, type FollowOptions } from "../progress/follow-service.ts";
import { parseCount } from "../units/number.ts";
import { distinct } from "./list-edit.ts";

export function serviceScale(cli: Cli): Command {
  return newCommand({
    name: "scale",
    usage: "[OPTIONS] SERVICE=REPLICAS [SERVICE=REPLICAS...]",
    summary: "Scale one or multiple replicated services",
    examples: [{ says: "Two at once", line: "murmur service scale web=10 worker=3" }],
  })
    .argument("<scales...>", "Service and number of tasks")
    .option("-d, --detach", "Exit immediately instead of waiting for the service to converge")
    .action(async (texts: readonly string[], { detach }: { readonly detach?: boolean }) => {
      const scales = distinct(texts.map(parseScale), ({ name }) => name);
      const client = await cli.client();
      // One that can't be scaled, or isn't there, is told of before another one is.
      for (const { name } of scales) checkScalable(name, await client.service(name));
      const following: FollowOptions[] = [];
      for (const { name, replicas } of scales) {
        const { isStopped, ...options } = await scale(cli, name, replicas);
        following.push(options);
        cli.print(`${name} scaled to ${String(replicas)}`);
        if (isStopped) cli.note(`murmur: ${name} is stopped; start it: murmur service start ${name}`);
      }
      if (detach === true) return;
      for (const options of following) await followService(cli, options);
    });
}

function checkScalable(name: string, { Spec: { Mode } }: Service): void {
  if (Mode?.Replicated === undefined && Mode?.ReplicatedJob === undefined)
    throw invalid(`${name}: scale can only be used with replicated or replicated-job mode`);
}

function parseScale(text: string): { readonly name: string; readonly replicas: number } {
  const cut = text.lastIndexOf("=");
  if (cut <= 0) throw invalid(`invalid scale '${text}': give SERVICE=REPLICAS`);
  return { name: text.slice(0, cut), replicas: parseCount(text.slice(cut + 1)) };
}

async function scale(cli: Cli, name: string, replicas: number): Promise<FollowOptions & { isStopped: boolean }> {
  const client = await cli.client();
  return changeWithRetry(async () => {
    const service = await client.service(name);
    checkScalable(name, service);
    const { Mode, Murmur } = service.Spec;
    if (Mode?.Replicated !== undefined) Mode.Replicated.Replicas = replicas;
    else if (Mode?.ReplicatedJob !== undefined) Mode.ReplicatedJob.TotalCompletions = replicas;
    const baseline = await baselineOf(client, service);
    await client.updateService(service.ID, { version: service.Version.Index, spec: service.Spec });
    return { id: service.ID, name, baseline, quiet: false, isStopped: Murmur?.Stopped === true };
  });
}
