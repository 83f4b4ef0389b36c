import type { Mutation } from "./mutation.ts";
import { FREQUENT_SESSION_CHANGES } from "./settings.ts";

const MANAGER = "packages/manager/src";
const STORE = "packages/store/src";

/** The replicated state, the requests that change it, and the loops of the leader. */
export const MANAGER_MUTATIONS: readonly Mutation[] = [
  {
    name: "watch-loses-what-did-not-fit",
    defect: "a watch that overflows drops its oldest changes and doesn't say so",
    changes: [
      {
        file: `${STORE}/watch.ts`,
        original: "    if (this.#size + changes.length > this.#limit) return this.lose();",
        mutant:
          "    if (this.#size + changes.length > this.#limit) this.#size -= this.#batches.shift()?.changes.length ?? 0;",
      },
    ],
    profile: "network",
    nodes: 3,
  },
  {
    name: "watch-goes-on-after-a-snapshot",
    defect: "watches aren't told that a snapshot has replaced the state",
    changes: [{ file: `${STORE}/store.ts`, original: "        watches.resync();\n", mutant: "" }],
    frequentSnapshots: true,
    profile: "process",
    nodes: 3,
  },
  {
    name: "applied-twice-after-restart",
    defect: "a snapshot says that it ends where it was due, not where it was taken: what lies between is applied twice",
    changes: [
      {
        file: `${MANAGER}/snapshotter.ts`,
        original: "    const meta = { index: replica.applied, term: at.term,",
        mutant: "    const meta = { index: this.#index + this.#limits.entries, term: at.term,",
      },
      {
        file: `${STORE}/store.ts`,
        original: '      assert(Number.isSafeInteger(index) && index >= state.version, "the log went back");\n',
        mutant: "",
      },
    ],
    frequentSnapshots: true,
    profile: "process",
    nodes: 3,
  },
  {
    name: "request-offered-twice",
    defect: "after a change of the leader a request is offered to the new one, whatever became of it at the old one",
    changes: [
      {
        file: `${MANAGER}/submitter.ts`,
        original: "      await consensus.barrier(over.signal);\n",
        mutant: "",
      },
    ],
    profile: "churn",
    nodes: 3,
  },
  {
    name: "retried-offer-taken-twice",
    defect: "a leader takes a request again whose answer was lost",
    changes: [
      {
        file: `${MANAGER}/raft-driver.ts`,
        original: '    if (this.#ledger.has(request.requestId)) return { kind: "accepted" };\n',
        mutant: "",
      },
    ],
    profile: "network",
    nodes: 3,
  },
  {
    name: "applied-before-commit",
    defect: "an entry is applied as soon as it is durable here, whether or not a quorum has it",
    changes: [
      {
        file: "packages/raft/src/log.ts",
        original: "    if (next === undefined || next.index > Math.min(this.#commit, upTo)) return false;",
        mutant: "    if (next === undefined || next.index > upTo) return false;",
      },
      {
        file: "packages/raft/src/log.ts",
        original: "    for (const entry of this.between(this.#given, Math.min(this.#commit, upTo))) {",
        mutant: "    for (const entry of this.between(this.#given, upTo)) {",
      },
    ],
    profile: "process",
    nodes: 3,
  },
  {
    name: "version-not-compared",
    defect: "an update goes through whatever version it was made from: the last writer wins",
    changes: [
      {
        file: `${STORE}/decide-service.ts`,
        original:
          "  if (version !== service.version) return outOfSequence(`service ${service.spec.name}`, service.version, version);\n",
        mutant: "",
      },
    ],
    profile: "calm",
    nodes: 3,
  },
  {
    name: "slot-filled-twice",
    defect: "a new leader begins before it has applied all that the one before has done, and nothing refuses its tasks",
    changes: [
      {
        file: `${STORE}/decide-task.ts`,
        original: "  const refusal = misshapen(state, service, task) ?? slotTaken(context, service, task);",
        mutant: "  const refusal = misshapen(state, service, task);",
      },
      {
        file: `${MANAGER}/leadership.ts`,
        original: "  await driver.barrier(scope.signal);\n",
        mutant: "  await Promise.resolve();\n",
      },
    ],
    profile: "churn",
    nodes: 3,
  },
  {
    name: "report-applied-backwards",
    defect: "reports of a session that is lost are kept until there is a leader, and set tasks' observed states back",
    changes: [
      {
        file: `${MANAGER}/dispatcher.ts`,
        original: "statuses: part, now }, done, () => session.closed);",
        mutant: "statuses: part, now }, done);",
      },
      {
        file: `${STORE}/decide-task.ts`,
        original: "  return next === state || isLater(next, state);",
        mutant: "  return true;",
      },
    ],
    setting: FREQUENT_SESSION_CHANGES,
    profile: "churn",
    nodes: 3,
  },
  {
    name: "reservations-ignored",
    defect: "a node is given more than it has",
    changes: [
      {
        file: "packages/scheduler/src/filter.ts",
        original: "nanoCpus <= load.freeNanoCpus && memoryBytes <= load.freeMemoryBytes && hasGeneric",
        mutant: "hasGeneric",
      },
      {
        file: `${STORE}/decide-task.ts`,
        original: "  const room = roomFor(state, node, task);",
        mutant: "  const room: ReturnType<typeof roomFor> = {};",
      },
    ],
    profile: "default",
    nodes: 3,
  },
  {
    name: "port-given-twice",
    defect: "a published port is given to two services",
    changes: [
      {
        file: `${STORE}/service-ports.ts`,
        original: "    if (holder !== undefined) return conflict(state, port, holder);\n",
        mutant: "",
      },
    ],
    profile: "calm",
    nodes: 3,
  },
  {
    name: "leadership-outlives-its-term",
    defect: "the loops of a leader go on after it has stepped down",
    changes: [
      {
        file: `${MANAGER}/leadership.ts`,
        original: "    await current.scope[Symbol.asyncDispose]();\n",
        mutant: "    await Promise.resolve();\n",
      },
    ],
    profile: "network",
    nodes: 3,
  },
  {
    name: "session-from-an-old-replica",
    defect: "a manager serves agents before it knows what is committed: an empty one tells them that they were removed",
    changes: [
      {
        file: `${MANAGER}/manager.ts`,
        original: "      await this.#confirm(this.#scope.signal, SESSION_READ_TIMEOUT_MS);",
        mutant: "      await Promise.resolve();",
      },
    ],
    profile: "process",
    nodes: 5,
  },
  {
    name: "root-used-before-it-is-trusted",
    defect: "certificates are signed with the next root while not all nodes trust it yet",
    changes: [
      {
        file: "packages/model/src/root-rotation.ts",
        original: '  if (rotation?.phase !== "renew" || secrets.next === undefined)',
        mutant: "  if (rotation === undefined || secrets.next === undefined)",
      },
      {
        file: "packages/model/src/root-rotation.ts",
        original: '  return rotation.phase === "renew" ? rotation.caPem : undefined;',
        mutant: "  return rotation.caPem;",
      },
    ],
    profile: "roots",
  },
  {
    name: "root-dropped-too-early",
    defect: "the rotation of the root ends without the nodes that have no certificate of the new one yet",
    changes: [
      {
        file: "packages/model/src/root-rotation.ts",
        original: '  return phase === "trust" ? trusts.includes(root) : issuer === root && statement === root;',
        mutant: "  return trusts.includes(root) || issuer === root || statement === root;",
      },
    ],
    profile: "roots",
  },
];
