import { sleep, type Millis } from "@murmur/base";
import type { ApiPorts, NodeStanding } from "../ports.ts";

/** As long as Docker's daemon waits for its swarm part before it answers anybody. */
const JOINING_WAIT_MS: Millis = 20_000;
const POLL_MS: Millis = 50;

/**
 * Where this node stands, once it is neither starting nor joining: a client that comes right after a restart is answered
 * a moment later, and not refused. The last standing when the wait or the request is over.
 */
export async function settledStanding({ node, clock }: ApiPorts, signal: AbortSignal): Promise<NodeStanding> {
  const until = clock.monotonic() + JOINING_WAIT_MS;
  let standing = node.status();
  while (standing.state === "joining" && clock.monotonic() < until && !signal.aborted) {
    await sleep(clock, POLL_MS, signal).catch(() => {});
    standing = node.status();
  }
  return standing;
}
