import { sleep, type Millis } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { EXIT_STATUS } from "../exit-status.ts";

const POLL_MS: Millis = 250;
/** How long in a row nothing may be heard from the cluster. */
const SILENCE_MAX_MS: Millis = 60_000;

/** How far something is that the cluster does by itself. */
export interface Step {
  readonly line: string;
  readonly isOver: boolean;
}

export interface FollowOptions {
  /** Rejects while no manager answers. */
  readonly look: (signal: AbortSignal) => Promise<Step>;
  readonly isShown: boolean;
  /** The command that shows how far it is. */
  readonly command: string;
}

/**
 * Shows how far something is, a line for each step, until it has ended. Whether it has: Ctrl-C ends the watching, and
 * nothing else. Errors: those of `look`, once nothing was heard for a minute.
 */
export async function follow(cli: Cli, { look, isShown, command }: FollowOptions): Promise<boolean> {
  const { clock } = cli.ports;
  const signal = cli.ports.interrupts();
  let heardAt = clock.monotonic();
  let shown = "";
  while (!signal.aborted) {
    try {
      const { line, isOver } = await look(signal);
      heardAt = clock.monotonic();
      if (isShown && line !== shown) cli.note(line);
      shown = line;
      if (isOver) return true;
    } catch (error) {
      if (!signal.aborted && clock.monotonic() - heardAt > SILENCE_MAX_MS) throw error;
    }
    await sleep(clock, POLL_MS, signal).catch(() => {});
  }
  cli.note(`Operation continuing in background. Use \`${command}\` to check progress.`);
  cli.exitStatus = EXIT_STATUS.cancelled;
  return false;
}
