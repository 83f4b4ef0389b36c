import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function clusterSecretsKey(cli: Cli): Command {
  return newCommand({
    name: "secrets-key",
    usage: "",
    summary: "Show the key that the cluster's secrets are sealed with",
    details:
      "Managers have it, and no backup: note it, away from the backups. `murmur cluster restore` asks for it where the backup has secrets.",
    examples: [{ says: "Into a password store", line: "murmur cluster secrets-key | pass insert -e murmur" }],
  }).action(async () => cli.print((await (await cli.client()).secretsKey()).secretsKey));
}
