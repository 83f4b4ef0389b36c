import type { Clock, Millis, Random } from "@murmur/base";
import {
  costOf,
  observed,
  pickBySource,
  pickCheaper,
  pickLeastConnections,
  pickRandom,
  pickRoundRobin,
  type Candidates,
  type Latency,
} from "@murmur/discovery";
import type { Balancing, Endpoint, TaskId } from "@murmur/model";

/** What a port's choices are made from. */
export interface BalancerOptions {
  readonly random: Random;
  readonly clock: Clock;
  /** How many connections a task has from this node, through any port. */
  readonly connections: (id: TaskId) => number;
}

/** How one published port gives a new connection a task, with what that has to remember. */
export interface Balancer {
  pick(candidates: Candidates, clientAddress: () => string): Endpoint | undefined;
  /** Takes how long a task took; only where that counts. */
  readonly answered?: (id: TaskId, ms: Millis) => void;
  /** Forgets all tasks but these. */
  readonly keepOnly?: (ids: ReadonlySet<TaskId>) => void;
}

export function makeBalancer(balancing: Balancing, options: BalancerOptions): Balancer {
  const { random, connections } = options;
  switch (balancing) {
    case "least-conn":
      return { pick: (candidates) => pickLeastConnections(candidates, connections, random) };
    case "random":
      return { pick: (candidates) => pickRandom(candidates, random) };
    case "round-robin":
      return roundRobin(random);
    case "source-hash":
      return { pick: (candidates, clientAddress) => pickBySource(candidates, clientAddress()) };
    case "peak-ewma":
      return peakEwma(options);
  }
}

/** It begins anywhere, so that the nodes don't all begin with the same task. */
function roundRobin(random: Random): Balancer {
  let turn = random.below(2 ** 16);
  return {
    pick(candidates) {
      const chosen = pickRoundRobin(candidates, turn);
      turn = chosen === undefined ? turn : (candidates.endpoints.indexOf(chosen) + 1) % candidates.endpoints.length;
      return chosen;
    },
  };
}

function peakEwma({ random, clock, connections }: BalancerOptions): Balancer {
  const latencies = new Map<TaskId, Latency>();
  return {
    pick(candidates) {
      const now = clock.monotonic();
      return pickCheaper(candidates, (id) => costOf(latencies.get(id), connections(id), now), random);
    },
    answered(id, ms) {
      latencies.set(id, observed(latencies.get(id), ms, clock.monotonic()));
    },
    keepOnly(ids) {
      for (const id of latencies.keys()) if (!ids.has(id)) latencies.delete(id);
    },
  };
}
