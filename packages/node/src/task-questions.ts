import { ClusterError, codeOf, sleep, type Clock, type Millis, type NodeId } from "@murmur/base";
import { wasSent, type PeerTransport } from "@murmur/transport";
import { fetchThrough, TASKS_METHOD } from "./http-stream.ts";

/** How often a node that can't be reached is tried, and the pause between two attempts. */
const ATTEMPTS_MAX = 3;
const PAUSE_MS: Millis = 100;

export interface QuestionedNode {
  readonly transport: PeerTransport;
  readonly node: NodeId;
  /** Whether it is known to be down. */
  readonly isDown: () => boolean;
  readonly clock: Clock;
}

/**
 * Asks a node about the containers of its tasks. An attempt to reach it may have begun while it was cut off, and takes a
 * second for one packet that is lost: as long as nothing was sent, and the node isn't known to be down, it is tried again.
 *
 * Errors: `unavailable` when the node can't be reached, and as `PeerTransport.open`.
 */
export async function askAboutTasks(
  { transport, node, isDown, clock }: QuestionedNode,
  request: Request,
): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    if (isDown()) throw new ClusterError("unavailable", "it is down");
    try {
      return await fetchThrough(transport, { peer: node, method: TASKS_METHOD }, request);
    } catch (error) {
      const isOver = attempt === ATTEMPTS_MAX || request.signal.aborted;
      if (isOver || codeOf(error) !== "unavailable" || wasSent(error)) throw error;
    }
    await sleep(clock, PAUSE_MS, request.signal);
  }
}
