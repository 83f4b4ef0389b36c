import type { SwarmSpec } from "@murmur/api";
import { Option, type Command } from "commander";
import { invalid } from "../argument-error.ts";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { parseDuration } from "../units/duration.ts";
import { parseCount } from "../units/number.ts";
import { externalCaOption, parseExternalCas } from "./external-ca-option.ts";
import { unlockInstructions } from "./unlock-instructions.ts";
import { strategyOption, type Strategy } from "./strategy-option.ts";

interface UpdateFlags {
  readonly strategy?: Strategy;
  readonly rebalance?: "on" | "off";
  readonly autolock?: "on" | "off";
  readonly taskHistoryLimit?: string;
  readonly externalCa: readonly string[];
  readonly gossipKeyRotation?: string;
}

export function clusterUpdate(cli: Cli): Command {
  return newCommand({
    name: "update",
    usage: "[OPTIONS]",
    summary: "Change what holds for the whole cluster",
    examples: [
      { says: "Fill nodes up, where services don't say otherwise", line: "murmur cluster update --strategy binpack" },
      { says: "Make a stolen disk worthless", line: "murmur cluster update --autolock on" },
      { says: "Use nodes that join, without being asked", line: "murmur cluster update --rebalance on" },
    ],
  })
    .addOption(strategyOption())
    .addOption(
      new Option(
        "--rebalance <policy>",
        "Whether tasks are moved to better places once the cluster is calm; a service stays where it is with its own --rebalance off",
      ).choices(["on", "off"]),
    )
    .addOption(
      new Option(
        "--autolock <switch>",
        "Whether managers seal what they have on their disks, and ask for a key after a restart",
      ).choices(["on", "off"]),
    )
    .addOption(externalCaOption())
    .option(
      "--gossip-key-rotation <duration>",
      "After how long another key seals the nodes' gossip, such as 12h; 0: only when you say so",
    )
    .option("--task-history-limit <uint>", "How many tasks of each slot are remembered, with the present one")
    .action(async (flags: UpdateFlags) => {
      const { strategy, rebalance, autolock, taskHistoryLimit, externalCa, gossipKeyRotation } = flags;
      const said = [strategy, rebalance, autolock, taskHistoryLimit, gossipKeyRotation, ...externalCa];
      if (said.every((value) => value === undefined))
        throw invalid("say what to change, such as --strategy binpack or --rebalance on");
      const kept = taskHistoryLimit === undefined ? undefined : parseCount(taskHistoryLimit);
      const every = gossipKeyRotation === undefined ? undefined : parseDuration(gossipKeyRotation);
      const externalCas = await parseExternalCas(externalCa);
      const client = await cli.client();
      await changeWithRetry(async () => {
        const changed = {
          ...(strategy !== undefined && { Strategy: strategy }),
          ...(rebalance !== undefined && { Rebalance: { Policy: rebalance } }),
          ...(every !== undefined && { GossipKeyRotation: every }),
        };
        const { Version, Spec } = await client.swarm();
        const lock = autolock === undefined ? {} : { EncryptionConfig: { AutoLockManagers: autolock === "on" } };
        const history = kept === undefined ? {} : { Orchestration: { TaskHistoryRetentionLimit: kept } };
        const authority = externalCas.length === 0 ? {} : { CAConfig: { ...Spec.CAConfig, ExternalCAs: externalCas } };
        const spec: SwarmSpec = { ...Spec, ...lock, ...history, ...authority, Murmur: { ...Spec.Murmur, ...changed } };
        await client.updateSwarm(Version.Index, spec);
      });
      cli.print("Cluster updated.");
      if (autolock === "on") cli.print(`\n${unlockInstructions(await client.unlockKey())}`);
    });
}
