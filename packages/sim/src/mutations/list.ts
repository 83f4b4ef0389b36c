import type { Mutation } from "./mutation.ts";

/** The known defects, by the part of the system that they are in. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: "vote-not-persisted",
    defect: "a vote is sent before it is durable: after a crash the node votes again in the same term",
    file: "packages/manager/src/raft-driver.ts",
    original: "    this.#send(ready.messages);\n    this.#persist(ready);",
    mutant: "    this.#send(ready.messages);\n    this.#send(ready.messagesAfterSync);\n    this.#persist(ready);",
    profile: "process",
  },
];
