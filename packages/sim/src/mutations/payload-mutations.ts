import type { Mutation } from "./mutation.ts";

const MANAGER = "packages/manager/src";
const AGENT = "packages/agent/src";

/** Secrets and configs: who has them, and for how long. */
export const PAYLOAD_MUTATIONS: readonly Mutation[] = [
  {
    name: "secret-never-taken-away",
    defect: "a node keeps the secrets of tasks that have ended",
    changes: [
      {
        file: `${MANAGER}/payload-feed.ts`,
        original: "    const removed = [...this.#sent].filter((key) => !needed.has(key));",
        mutant: "    const removed: string[] = [];",
      },
    ],
    profile: "calm",
    nodes: 3,
  },
  {
    name: "secret-sent-to-everybody",
    defect: "a node is handed every secret that there is",
    changes: [
      {
        file: `${MANAGER}/payload-needs.ts`,
        original: "    if (view.node(id) === undefined) return needed;\n",
        mutant:
          "    if (view.node(id) === undefined) return needed;\n    for (const secret of view.secrets()) needed.set(`secret/${secret.id}`, () => this.#open(secret));\n",
      },
    ],
    profile: "calm",
    nodes: 3,
  },
  {
    name: "secret-file-left-behind",
    defect: "files of tasks that have ended stay on the node",
    changes: [
      {
        file: `${AGENT}/task-driver.ts`,
        original:
          '    if (isTerminal(observation.state) && this.#hasFiles) this.#context.dropFiles(this.id, "soon");\n',
        mutant: "",
      },
      {
        file: `${AGENT}/file-keeper.ts`,
        original: "if (!signal.aborted && !isUsed(id)) await files.remove(id);",
        mutant: "void [signal, isUsed(id)];",
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "key-forgotten-by-the-last-who-has-it",
    defect: "a manager that is none any more forgets the key of the secrets whether the others have it or not",
    changes: [
      {
        file: "packages/node/src/seal-desk.ts",
        original: "        if ((await this.#othersHaveAll()) && !this.#isManager) {\n",
        mutant: "        if (!this.#isManager) {\n",
      },
      {
        file: "packages/node/src/seal-desk.ts",
        original: "  begin(): void {\n",
        mutant: "  begin(): void {\n    if (this.#scope !== undefined) return;\n",
      },
    ],
    profile: "churn",
    nodes: 5,
  },
];
