import type { Mutation, SourceChange } from "./mutation.ts";

const AGENT = "packages/agent/src";

/** A task that has run is run again, in a new container. */
const RUN_AGAIN: readonly SourceChange[] = [
  {
    file: `${AGENT}/next-step.ts`,
    original: '  if (isLater(facts.status.state, "ready")) {',
    mutant: '  if (isLater(facts.status.state, "running")) {',
  },
  {
    file: `${AGENT}/next-step.ts`,
    original: '    if (state === "running") {\n      return observe("failed"',
    mutant: '    if (isLater(state, "running")) {\n      return observe("failed"',
  },
];

/** From an assignment to a container, and back to nothing. */
export const AGENT_MUTATIONS: readonly Mutation[] = [
  {
    name: "second-container-after-a-restart",
    defect: "a restarted agent doesn't find its containers, whose names are new with each attempt, and makes others",
    changes: [
      {
        file: `${AGENT}/simulated-container.ts`,
        original: "    this.name = taskName(request.task);",
        mutant: "    this.name = `${taskName(request.task)}.${id.slice(-6)}`;",
      },
      {
        file: `${AGENT}/worker.ts`,
        original: "      ...(status.containerId !== undefined && { containerId: status.containerId }),\n",
        mutant: "",
      },
      {
        file: `${AGENT}/worker.ts`,
        original: "      } else if (driver.containerId === undefined || driver.containerId === container.id) {",
        mutant: "      } else if (driver.containerId === container.id) {",
      },
      {
        file: `${AGENT}/worker.ts`,
        original: "      } else this.#dismissDouble(container, id);",
        mutant: "      }",
      },
      ...RUN_AGAIN,
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "container-made-anew",
    defect: "when somebody removes a task's container, the agent makes another one for the same task",
    changes: RUN_AGAIN,
    profile: "engine",
    nodes: 3,
  },
  {
    name: "unknown-containers-removed-at-start",
    defect: "a restarted agent removes what it doesn't know before a manager has told it what it has to run",
    changes: [
      {
        file: `${AGENT}/worker.ts`,
        original: "  #informed = false;",
        mutant: "  #informed = true;",
      },
      {
        file: `${AGENT}/agent.ts`,
        original: "    this.#worker.restore(tasks?.tasks ?? []);",
        mutant: "    this.#worker.restore([]);",
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "timer-left-by-a-failed-start",
    defect: "a call to the engine that fails leaves its time limit running",
    changes: [
      {
        file: `${AGENT}/time-limit.ts`,
        original:
          "(error: unknown) => settle(() => reject(error instanceof Error ? error : new Error(String(error)))),",
        mutant: "(error: unknown) => reject(error instanceof Error ? error : new Error(String(error))),",
      },
    ],
    profile: "engine",
    nodes: 3,
  },
  {
    name: "container-left-by-a-failed-start",
    defect: "a container that never ran is not removed with its task",
    changes: [
      {
        file: `${AGENT}/next-step.ts`,
        original:
          '  return container.state === "removing" ? { kind: "none" } : { kind: "remove", containerId: container.id };',
        mutant:
          '  if (container.state === "created") return { kind: "forget" };\n' +
          '  return container.state === "removing" ? { kind: "none" } : { kind: "remove", containerId: container.id };',
      },
      {
        file: `${AGENT}/next-step.ts`,
        original: '  if (wanted.desiredState !== "remove" || container.state === "removing") return { kind: "none" };',
        mutant: '  if (wanted.desiredState !== "remove" || container.state !== "exited") return { kind: "none" };',
      },
    ],
    profile: "engine",
    nodes: 3,
  },
  {
    name: "report-forgotten-when-sent",
    defect: "an agent forgets a report as soon as it is sent, whether or not a manager has it committed",
    changes: [
      {
        file: `${AGENT}/reports.ts`,
        original:
          "    for (const [id, { value }] of unsent) this.#statuses.set(id, { value, sent: { sequence, at: now } });",
        mutant: "    for (const [id] of unsent) this.#statuses.delete(id);",
      },
      {
        file: `${AGENT}/agent.ts`,
        original: "      this.#correct(message.tasks);\n",
        mutant: "",
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "stopped-before-withdrawal-is-acknowledged",
    defect: "a task is told to stop before the other nodes have stopped sending to it",
    changes: [
      {
        file: `${AGENT}/perform.ts`,
        original: "    await withTimeLimit(limit, (options) => withdrawals.acknowledged(id, options));",
        mutant: "    void withTimeLimit(limit, (options) => withdrawals.acknowledged(id, options)).catch(() => {});",
      },
    ],
    profile: "calm",
    nodes: 3,
  },
  {
    name: "lost-node-keeps-its-containers",
    defect: "containers of tasks that a node has no more are left running",
    changes: [
      {
        file: `${AGENT}/worker.ts`,
        original: "    if (!this.#informed) return;\n    this.#options.log.info(",
        mutant: "    if (this.#informed) return;\n    this.#options.log.info(",
      },
      {
        file: `${AGENT}/worker.ts`,
        original: "    for (const id of removed) this.#drivers.get(id)?.want(undefined);",
        mutant: "    for (const id of removed) this.#drivers.delete(id);",
      },
    ],
    profile: "default",
    nodes: 3,
  },
  {
    name: "orphan-after-a-wiped-host-rejoins",
    defect: "a host that joins anew leaves the containers of the node that it was before to that node",
    changes: [
      {
        file: `${AGENT}/worker.ts`,
        original: '      if (lists >= UNKNOWN_LISTS || standing(maker) === "former") gone.add(maker);\n',
        mutant: "",
      },
    ],
    profile: "disk",
    nodes: 3,
  },
];
