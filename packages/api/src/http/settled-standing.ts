import { sleep, type Millis } from "@murmur/base";
import type { ApiPorts, NodeStanding } from "../ports.ts";

/** As long as Docker's daemon waits for its swarm part before it answers anybody. */
const WAIT_MS: Millis = 20_000;
const POLL_MS: Millis = 50;

/**
 * Where this node stands, once it is neither starting nor joining: a client that comes right after a restart is answered
 * a moment later, and not refused. The last standing when the wait or the request is over.
 */
export function settledStanding({ node, clock }: ApiPorts, signal: AbortSignal): Promise<NodeStanding> {
  return standingAfter(({ state }) => state === "starting" || state === "joining", { node, clock }, signal);
}

/** The same for those who want to see a node join: they wait for its start only. */
export function startedStanding({ node, clock }: ApiPorts, signal: AbortSignal): Promise<NodeStanding> {
  return standingAfter(({ state }) => state === "starting", { node, clock }, signal);
}

async function standingAfter(
  passes: (standing: NodeStanding) => boolean,
  { node, clock }: Pick<ApiPorts, "node" | "clock">,
  signal: AbortSignal,
): Promise<NodeStanding> {
  const until = clock.monotonic() + WAIT_MS;
  let standing = node.status();
  while (passes(standing) && clock.monotonic() < until && !signal.aborted) {
    await sleep(clock, POLL_MS, signal).catch(() => {});
    standing = node.status();
  }
  return standing;
}
