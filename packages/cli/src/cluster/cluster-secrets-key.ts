import type { SecretsKeyRotationAnswer } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { fewNames } from "../format/few-names.ts";
import { follow, type Step } from "./follow.ts";

interface SecretsKeyFlags {
  readonly rotate?: boolean;
  readonly progress?: boolean;
}

export function clusterSecretsKey(cli: Cli): Command {
  return newCommand({
    name: "secrets-key",
    usage: "[OPTIONS]",
    summary: "Show the key that the cluster's secrets are sealed with, or replace it",
    details:
      "Managers have it, and no backup: note it, away from the backups. `murmur cluster restore` asks for it where the backup has secrets. With --rotate all managers get another key, and everything that is sealed is sealed with that; keep the one of before as long as you keep backups of before. Ctrl-C ends the watching, not the rotation.",
    examples: [
      { says: "Into a password store", line: "murmur cluster secrets-key | pass insert -e murmur" },
      { says: "Make the key of a stolen manager worthless", line: "murmur cluster secrets-key --rotate" },
    ],
  })
    .option("--rotate", "Replace the key, and wait until everything is sealed with the new one")
    .option("--progress", "Show how far the replacement is, and not the key")
    .action(async ({ rotate, progress }: SecretsKeyFlags) => {
      const client = await cli.client();
      if (rotate === true) {
        await client.rotateSecretsKey();
        const look = async (signal: AbortSignal): Promise<Step> => {
          const answer = await client.secretsKeyRotation({ signal });
          return { line: progressText(answer), isOver: answer.rotation === undefined };
        };
        const command = "murmur cluster secrets-key --progress";
        if (!(await follow(cli, { look, isShown: true, command }))) return;
      }
      if (progress === true) return cli.print(progressText(await client.secretsKeyRotation()));
      cli.print((await client.secretsKey()).secretsKey);
    });
}

function progressText({ total, rotation }: SecretsKeyRotationAnswer): string {
  if (rotation === undefined) return `${String(total)} of ${String(total)} are sealed with the present key`;
  if (rotation.phase === "hold") {
    const { waitsFor = [] } = rotation;
    if (waitsFor.length === 0) return "managers get the next key";
    const hint = "start them, or remove those that won't be back (`murmur node rm`)";
    return `managers get the next key; it waits for those that are down: ${fewNames(waitsFor)}; ${hint}`;
  }
  const waits = rotation.left === 0 ? "" : `; left: ${fewNames(rotation.among, rotation.left)}`;
  return `${String(total - rotation.left)} of ${String(total)} are sealed with the next key${waits}`;
}
