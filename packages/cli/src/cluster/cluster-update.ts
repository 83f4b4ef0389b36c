import type { SwarmSpec } from "@murmur/api";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { strategyOption, type Strategy } from "./strategy-option.ts";

interface UpdateFlags {
  readonly strategy?: Strategy;
}

export function clusterUpdate(cli: Cli): Command {
  return newCommand({
    name: "update",
    usage: "[OPTIONS]",
    summary: "Change what holds for the whole cluster",
    examples: [
      { says: "Fill nodes up, where services don't say otherwise", line: "murmur cluster update --strategy binpack" },
    ],
  })
    .addOption(strategyOption())
    .action(async ({ strategy }: UpdateFlags) => {
      if (strategy === undefined) throw invalid("say what to change, such as --strategy binpack");
      const client = await cli.client();
      await changeWithRetry(async () => {
        const { Version, Spec } = await client.swarm();
        const spec: SwarmSpec = { ...Spec, Murmur: { ...Spec.Murmur, Strategy: strategy } };
        await client.updateSwarm(Version.Index, spec);
      });
      cli.print("Cluster updated.");
    });
}
