import type { Mutation } from "./mutation.ts";

const DISCOVERY = "packages/discovery/src";

/** Where traffic goes. */
export const DISCOVERY_MUTATIONS: readonly Mutation[] = [
  {
    name: "endpoint-of-a-dead-task-kept",
    defect: "the endpoint table is computed anew for tasks that come up, not for those that end",
    changes: [
      {
        file: `${DISCOVERY}/endpoint-computer.ts`,
        original: "  !equal(previous && reachOf(previous), current && reachOf(current));",
        mutant:
          "  current !== undefined && reachOf(current) !== undefined && !equal(previous && reachOf(previous), reachOf(current));",
      },
    ],
    profile: "engine",
    nodes: 3,
  },
  {
    name: "withdrawal-forgotten-at-the-next-table",
    defect: "each new endpoint table ends all withdrawals, also of tasks that it still offers",
    changes: [
      {
        file: "packages/node/src/gossip-facts.ts",
        original: "      const isOld = now - at >= WITHDRAWN_MS && !this.#offered.has(id);",
        mutant: "      const isOld = now > at;",
      },
    ],
    profile: "calm",
    nodes: 3,
  },
];
