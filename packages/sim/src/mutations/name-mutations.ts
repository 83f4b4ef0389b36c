import type { Mutation } from "./mutation.ts";
import { IPV6_EVERYWHERE } from "./settings.ts";

const CLUSTER_NAMES = "packages/network/src/dns/cluster-names.ts";
const RESOLVE = "packages/discovery/src/resolve.ts";

/** What names mean, and for how long. */
export const NAME_MUTATIONS: readonly Mutation[] = [
  {
    name: "name-of-a-withdrawn-task-answered",
    defect: "names are answered from the committed table alone, whatever has been withdrawn since",
    changes: [
      {
        file: RESOLVE,
        original:
          "        .filter((endpoint) => isUsable(endpoint, suspects))\n        .map((endpoint) => ({ service, endpoint,",
        mutant:
          "        .filter((endpoint) => isUsable(endpoint, { ...suspects, withdrawn: new Set() }))\n        .map((endpoint) => ({ service, endpoint,",
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "answer-from-before-a-withdrawal-kept",
    defect: "an answer that was rendered once is given until the next table, also when a task has been withdrawn",
    changes: [
      {
        file: CLUSTER_NAMES,
        original: "    this.#suspects = suspects;\n    this.#rendered.clear();\n",
        mutant: "    this.#suspects = suspects;\n",
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "answer-from-an-older-table-kept",
    defect: "an answer that was rendered once is given for ever, whatever becomes of the service",
    changes: [
      {
        file: CLUSTER_NAMES,
        original: "guests: this.#guests });\n    this.#rendered.clear();\n",
        mutant: "guests: this.#guests });\n",
      },
    ],
    profile: "calm",
    nodes: 3,
  },
  {
    name: "answer-to-be-kept-for-a-minute",
    defect: "clients are told that they may keep an answer for a minute",
    changes: [{ file: RESOLVE, original: "const TTL_S = 1;", mutant: "const TTL_S = 60;" }],
    profile: "calm",
    nodes: 3,
  },
  {
    name: "aaaa-left-out-of-a-withdrawal",
    defect: "a task that is withdrawn keeps its name for those who ask for IPv6 addresses",
    changes: [
      {
        file: RESOLVE,
        original:
          "        .filter((endpoint) => isUsable(endpoint, suspects))\n        .map((endpoint) => ({ service, endpoint,",
        mutant:
          '        .filter((endpoint) => this.#question.type === "AAAA" || isUsable(endpoint, suspects))\n        .map((endpoint) => ({ service, endpoint,',
      },
    ],
    setting: IPV6_EVERYWHERE,
    profile: "overlay",
    nodes: 3,
  },
];
