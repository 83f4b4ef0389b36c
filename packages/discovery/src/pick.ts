import type { NodeId, Random } from "@murmur/base";
import type { Endpoint, TaskId } from "@murmur/model";
import { isUsable, type Suspects } from "./suspects.ts";

export interface Candidates {
  readonly endpoints: readonly Endpoint[];
  readonly suspects: Suspects;
  /** Those that were tried for this connection already, in vain. */
  readonly tried: ReadonlySet<TaskId>;
}

/**
 * The endpoint with the fewest open connections; among equals a random one, so that nodes which count for themselves
 * don't all choose the same. Undefined when none is left.
 */
export function pickLeastConnections(
  candidates: Candidates,
  connections: (id: TaskId) => number,
  random: Random,
): Endpoint | undefined {
  let best: Endpoint | undefined;
  let fewest = Infinity;
  let equals = 0;
  for (const endpoint of candidates.endpoints) {
    if (!isCandidate(endpoint, candidates)) continue;
    const count = connections(endpoint.taskId);
    if (count > fewest) continue;
    equals = count < fewest ? 1 : equals + 1;
    // Each of k equals stays with probability 1/k (reservoir sampling).
    if (equals === 1 || random.below(equals) === 0) best = endpoint;
    fewest = count;
  }
  return best;
}

/** Any of them, each as likely. */
export const pickRandom = (candidates: Candidates, random: Random): Endpoint | undefined =>
  pickLeastConnections(candidates, () => 0, random);

/** The first candidate at or after `turn`, going round; the caller raises `turn` by one each time. */
export function pickRoundRobin(candidates: Candidates, turn: number): Endpoint | undefined {
  const { endpoints } = candidates;
  for (let step = 0; step < endpoints.length; step += 1) {
    const endpoint = endpoints[(turn + step) % endpoints.length];
    if (endpoint !== undefined && isCandidate(endpoint, candidates)) return endpoint;
  }
  return undefined;
}

/** Only those on a node, while there are any; else all. */
export function localFirst(candidates: Candidates, node: NodeId): Candidates {
  const local = candidates.endpoints.filter((endpoint) => endpoint.nodeId === node);
  const isAny = local.some((endpoint) => isCandidate(endpoint, candidates));
  return isAny ? { ...candidates, endpoints: local } : candidates;
}

export const isCandidate = (endpoint: Endpoint, { suspects, tried }: Candidates): boolean =>
  !tried.has(endpoint.taskId) && isUsable(endpoint, suspects);
