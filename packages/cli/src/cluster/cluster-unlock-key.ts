import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { unlockInstructions } from "./unlock-instructions.ts";

interface UnlockKeyFlags {
  readonly rotate?: boolean;
  readonly quiet?: boolean;
}

export function clusterUnlockKey(cli: Cli): Command {
  return newCommand({
    name: "unlock-key",
    usage: "[OPTIONS]",
    summary: "Show the key that locked managers are unlocked with, or replace it",
    details:
      "There is one with autolock only (`murmur cluster update --autolock on`). A manager that is down when the key is replaced opens with the key of before, and takes the new one over then.",
    examples: [
      { says: "Into a password store", line: "murmur cluster unlock-key -q | pass insert -e murmur-unlock" },
      { says: "Make the old key worthless", line: "murmur cluster unlock-key --rotate" },
    ],
  })
    .option("-q, --quiet", "Only show the key")
    .option("--rotate", "Replace the key")
    .action(async ({ rotate, quiet }: UnlockKeyFlags) => {
      const client = await cli.client();
      if (rotate === true) {
        await changeWithRetry(async () => {
          const { Version, Spec } = await client.swarm();
          if (Spec.EncryptionConfig?.AutoLockManagers !== true)
            throw invalid("autolock is off, and there is no key: murmur cluster update --autolock on");
          await client.updateSwarm(Version.Index, Spec, { rotateUnlockKey: true });
        });
      }
      const key = await client.unlockKey();
      if (key === "") throw invalid("autolock is off, and there is no key: murmur cluster update --autolock on");
      if (quiet === true) return cli.print(key);
      if (rotate === true) cli.print("Successfully rotated the unlock key.\n");
      cli.print(unlockInstructions(key));
    });
}
