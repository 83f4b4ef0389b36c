import type { Mutation } from "./mutation.ts";
import { FREQUENT_VOTER_CHANGES } from "./settings.ts";

const MANAGER = "packages/manager/src";
const STORAGE = "packages/storage/src";

/** What is durable, when, and what is known of what was lost. */
export const STORAGE_MUTATIONS: readonly Mutation[] = [
  {
    name: "vote-not-persisted",
    defect: "a vote is sent before it is durable: after a crash the node votes again in the same term",
    changes: [
      {
        file: `${MANAGER}/raft-driver.ts`,
        original: "    this.#send(ready.messages);\n    this.#persist(ready);",
        mutant: "    this.#send(ready.messages);\n    this.#send(ready.messagesAfterSync);\n    this.#persist(ready);",
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "vote-written-with-the-next-entry",
    defect: "a vote alone is not worth a write to the disk: it goes along with the next entries",
    changes: [
      {
        file: `${MANAGER}/durable-writes.ts`,
        original: "    if (entries.length === 0 && !this.#hasPromise()) return this.#last;",
        mutant: "    if (entries.length === 0) return this.#last;",
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "lost-write-on-a-single-node",
    defect:
      "a leader counts its own entries as durable when it hands them to the disk: alone it confirms what it loses",
    changes: [
      {
        file: `${MANAGER}/raft-driver.ts`,
        original: "    if (this.#writes.idle) return report();",
        mutant: "    report();\n    if (this.#writes.idle) return;",
      },
      {
        file: `${MANAGER}/raft-driver.ts`,
        original: "      () => this.#guard(report),",
        mutant: "      () => this.#guard(() => {}),",
      },
    ],
    profile: "process",
    nodes: 1,
  },
  {
    name: "damaged-log-forgets-what-it-promised",
    defect: "a node whose disk lost entries goes on as if it had never had them, and votes",
    changes: [
      {
        file: `${MANAGER}/recovered-raft.ts`,
        original: "    ...(damage === undefined ? {} : { recovering: { untilIndex: damage.lastIndex } }),\n",
        mutant: "",
      },
    ],
    profile: "losses",
    nodes: 3,
  },
  {
    name: "wiped-log-forgets-how-far-it-reached",
    defect: "a manager that was taken out and has wiped its log votes as if it had never had one",
    changes: [{ file: `${STORAGE}/log-shape.ts`, original: "    this.#lost = this.reached;\n", mutant: "" }],
    setting: FREQUENT_VOTER_CHANGES,
    profile: "churn",
    nodes: 5,
  },
  {
    name: "wiped-log-forgets-its-vote",
    defect: "a log that starts anew forgets the term and the vote",
    changes: [
      {
        file: `${STORAGE}/memory-log-storage.ts`,
        original: "    const hardState = { term, commit: 0, ...(votedFor !== undefined && { votedFor }) };",
        mutant: "    const hardState = { term, commit: 0 };",
      },
    ],
    profile: "process",
    nodes: 5,
  },
  {
    name: "snapshot-overwrites-newer-log",
    defect: "a snapshot takes the whole log's place, also what the log has beyond it",
    changes: [
      {
        file: `${STORAGE}/memory-log-storage.ts`,
        original:
          "      return withLost(holds ? { ...image, snapshot } : { ...image, snapshot, compacted: index, entries: [] });",
        mutant: "      return withLost({ ...image, snapshot, compacted: index, entries: [] });",
      },
    ],
    frequentSnapshots: true,
    profile: "churn",
    nodes: 3,
  },
];
