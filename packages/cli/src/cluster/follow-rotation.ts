import { sleep, type Millis } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { isRotated, rotationLine, rotationPicture } from "./rotation-picture.ts";

const POLL_MS: Millis = 250;
/** How long in a row nothing may be heard from the cluster. */
const SILENCE_MAX_MS: Millis = 60_000;

/**
 * Shows how far a rotation of the root is, a line for each step, until it has ended. Whether it has: Ctrl-C ends the
 * watching, not the rotation.
 */
export async function followRotation(cli: Cli, { isShown }: { readonly isShown: boolean }): Promise<boolean> {
  const { clock } = cli.ports;
  const signal = cli.ports.interrupts();
  const client = await cli.client();
  let heardAt = clock.monotonic();
  let shown = "";
  while (!signal.aborted) {
    try {
      const picture = await rotationPicture(client, signal);
      heardAt = clock.monotonic();
      const line = rotationLine(picture);
      if (isShown && line !== shown) cli.note(line);
      shown = line;
      if (isRotated(picture)) return true;
    } catch (error) {
      if (!signal.aborted && clock.monotonic() - heardAt > SILENCE_MAX_MS) throw error;
    }
    await sleep(clock, POLL_MS, signal).catch(() => {});
  }
  cli.note("Operation continuing in background. Use `murmur cluster ca --format json` to check progress.");
  cli.exitStatus = EXIT_STATUS.cancelled;
  return false;
}
