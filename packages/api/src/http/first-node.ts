import { sleep, type Clock, type Millis } from "@murmur/base";
import type { Node } from "../docker/node-types.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** An engine that is slow to say what it is doesn't hold up the answer for longer; `node ls` shows what is missing. */
const UP_WAIT_MS: Millis = 5_000;
const POLL_MS: Millis = 25;

/**
 * Waits until the record of a new cluster's only node says what it is: a manager, with an engine. Who made the cluster
 * lists its nodes next, or updates this one by the version that it was shown. Gives up silently after `UP_WAIT_MS`.
 */
export async function firstNodeIsUp(
  id: string,
  { askCluster, clock }: { readonly askCluster: AskCluster; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const until = clock.monotonic() + UP_WAIT_MS;
  while (clock.monotonic() < until) {
    const node = await askJson<Node>(askCluster, `/nodes/${id}?consistency=local`, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (node !== undefined && isUp(node)) return;
    await sleep(clock, POLL_MS, signal);
  }
}

const isUp = ({ Murmur, Status, Description }: Node): boolean =>
  Murmur.RaftRole === "voter" &&
  Murmur.EngineState === "ready" &&
  Status.State === "ready" &&
  Description.Engine?.EngineVersion !== undefined;
