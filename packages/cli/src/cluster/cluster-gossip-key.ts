import type { GossipKeyAnswer } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { fewNames } from "../format/few-names.ts";
import { printJson } from "../format/listing.ts";
import { formatDuration } from "../units/duration.ts";

export function clusterGossipKey(cli: Cli): Command {
  return newCommand({
    name: "gossip-key",
    usage: "[OPTIONS]",
    summary: "Show how old the key is that seals the nodes' gossip, or replace it",
    details:
      "Replaced by itself each 12 hours (`murmur cluster update --gossip-key-rotation`). All nodes that are up get the next key, then seal with it, then the one of before is dropped: no packet is lost. One that is down hears of it when it is back. The key itself is shown to nobody.",
    examples: [
      { says: "Whom it waits for", line: "murmur cluster gossip-key --format json" },
      { says: "Make the key of a stolen host worthless", line: "murmur cluster gossip-key --rotate" },
    ],
  })
    .option("--rotate", "Replace the key")
    .addOption(formatOption())
    .action(async ({ rotate, format }: { readonly rotate?: boolean; readonly format: ListFormat }) => {
      const client = await cli.client();
      const answer = rotate === true ? await client.rotateGossipKey() : await client.gossipKey();
      if (format === "json") return printJson(cli, answer);
      for (const line of gossipKeyLines(answer)) cli.print(line);
    });
}

function gossipKeyLines({ since, rotatedEachMs, rotation }: GossipKeyAnswer): readonly string[] {
  const each = rotatedEachMs === 0 ? "with --rotate only" : `each ${formatDuration(rotatedEachMs * 1e6)}`;
  return [`In use since: ${since}`, `Replaced:     ${each}`, `Rotation:     ${rotationText(rotation)}`];
}

function rotationText(rotation: GossipKeyAnswer["rotation"]): string {
  if (rotation === undefined) return "none now";
  const { phase, waitsFor } = rotation;
  const what = phase === "install" ? "nodes get the next key" : "nodes seal with the next key";
  return waitsFor.length === 0 ? what : `${what}; waiting for ${fewNames(waitsFor)}`;
}
