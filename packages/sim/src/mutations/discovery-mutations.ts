import type { Mutation } from "./mutation.ts";
import { FREQUENT_SESSION_CHANGES } from "./settings.ts";

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
    name: "endpoint-change-on-the-wrong-base",
    defect: "a manager takes what it has not seen change for unchanged, and the agent doesn't compare the digests",
    changes: [
      {
        file: `${DISCOVERY}/change-history.ts`,
        original: "    if (version < this.#since) return undefined;\n",
        mutant: "",
      },
      {
        file: "packages/agent/src/endpoint-copy.ts",
        original: "    if (change.from !== 0 && tableDigest(table) !== change.digest) return this.#lost();\n",
        mutant: "",
      },
    ],
    setting: FREQUENT_SESSION_CHANGES,
    profile: "process",
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
