import { sleep, type Millis } from "@murmur/base";
import type { SecretsKeyRotationAnswer } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { EXIT_STATUS } from "../exit-status.ts";

const POLL_MS: Millis = 250;
/** How long in a row nothing may be heard from the cluster. */
const SILENCE_MAX_MS: Millis = 60_000;
const NAMED_MAX = 5;

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
        if (!(await follow(cli))) return;
      }
      if (progress === true) return cli.print(progressText(await client.secretsKeyRotation()));
      cli.print((await client.secretsKey()).secretsKey);
    });
}

/** Whether it has ended: Ctrl-C ends the watching, not the rotation. */
async function follow(cli: Cli): Promise<boolean> {
  const { clock } = cli.ports;
  const signal = cli.ports.interrupts();
  const client = await cli.client();
  let heardAt = clock.monotonic();
  let shown = "";
  while (!signal.aborted) {
    try {
      const answer = await client.secretsKeyRotation({ signal });
      heardAt = clock.monotonic();
      const line = progressText(answer);
      if (line !== shown) cli.note(line);
      shown = line;
      if (answer.rotation === undefined) return true;
    } catch (error) {
      if (!signal.aborted && clock.monotonic() - heardAt > SILENCE_MAX_MS) throw error;
    }
    await sleep(clock, POLL_MS, signal).catch(() => {});
  }
  cli.note("Operation continuing in background. Use `murmur cluster secrets-key --progress` to check progress.");
  cli.exitStatus = EXIT_STATUS.cancelled;
  return false;
}

function progressText({ total, rotation }: SecretsKeyRotationAnswer): string {
  if (rotation === undefined) return `${String(total)} of ${String(total)} are sealed with the present key`;
  if (rotation.phase === "hold") return "managers get the next key";
  const names = rotation.among.slice(0, NAMED_MAX).join(", ");
  const more = rotation.left > NAMED_MAX ? ` and ${String(rotation.left - NAMED_MAX)} more` : "";
  const waits = rotation.left === 0 ? "" : `; left: ${names}${more}`;
  return `${String(total - rotation.left)} of ${String(total)} are sealed with the next key${waits}`;
}
