import type { MurmurClient, Service, Task } from "@murmur/api";
import { ClusterError } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { displayOn, NO_DISPLAY } from "./display.ts";
import { NOTHING_BEFORE, type Baseline } from "./judge.ts";
import { watchService } from "./service-source.ts";
import { waitForService } from "./wait.ts";

export interface FollowOptions {
  readonly id: string;
  readonly name: string;
  readonly baseline?: Baseline;
  readonly quiet: boolean;
}

/** What must be known before a change, so that earlier failures aren't taken for the change's own. */
export async function baselineOf(client: MurmurClient, service: Service, isRollback = false): Promise<Baseline> {
  const tasks: readonly Task[] = await client.tasks({ filters: { service: [service.ID] } });
  return {
    taskIds: new Set(tasks.map(({ ID }) => ID)),
    updateStartedAt: service.UpdateStatus?.StartedAt,
    isRollback,
  };
}

/**
 * Shows how a service converges and returns when it has. Throws when it can't: paused, rolled back, its tasks fail
 * again and again. Ctrl-C ends the watching, not the work.
 */
export async function followService(cli: Cli, options: FollowOptions): Promise<void> {
  const { id, name, quiet } = options;
  const { clock, stdout } = cli.ports;
  const { MurmurClient } = await import("@murmur/api");
  // Connections of its own: cutting the stream off must not touch those of other requests.
  const client = new MurmurClient(cli.daemon);
  const ended = new AbortController();
  try {
    const outcome = await waitForService(watchService(client, id, { clock, signal: ended.signal }), {
      baseline: options.baseline ?? NOTHING_BEFORE,
      display: quiet ? NO_DISPLAY : displayOn(stdout),
      clock,
      signal: cli.ports.interrupts(),
    });
    switch (outcome.kind) {
      case "converged":
        if (outcome.note !== undefined) cli.note(`murmur: ${name}: ${outcome.note}`);
        if (!quiet) cli.print(`verify: Service ${name} converged`);
        return;
      case "failed":
        throw new ClusterError("internal", `service ${name} did not converge: ${outcome.reasons.join("; ")}`);
      case "interrupted":
        cli.note(`Operation continuing in background. Use \`murmur service ps ${name}\` to check progress.`);
        cli.exitStatus = EXIT_STATUS.cancelled;
    }
  } finally {
    client[Symbol.dispose]();
    ended.abort();
  }
}
