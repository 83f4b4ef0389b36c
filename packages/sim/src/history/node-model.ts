import { unreachable } from "@murmur/base";
import type { Index } from "@murmur/model";
import type { RefusalCode } from "./error-outcome.ts";
import type { Model } from "./model.ts";
import { describeVersion, grown, mayBe, outgrown, seen, type VersionBelief, type Writers } from "./version-belief.ts";

/** What clients ask of nodes, by id. `spec` is any text that tells specs apart: availability, labels, role, name. */
export type NodeInput =
  | { readonly kind: "update"; readonly id: string; readonly version: Index; readonly spec: string }
  | { readonly kind: "remove"; readonly id: string }
  | { readonly kind: "read"; readonly id: string }
  | { readonly kind: "list" };

export interface ShownNode {
  readonly id: string;
  readonly spec: string;
  readonly version: Index;
}

export type NodeOutput =
  | { readonly kind: "done"; readonly version?: Index }
  | { readonly kind: "refused"; readonly code: RefusalCode }
  | { readonly kind: "node"; readonly node: ShownNode }
  | { readonly kind: "nodes"; readonly nodes: readonly ShownNode[] };

/**
 * `unseen`: it may exist or not, since nodes join without any client asking for it. `removed`: for good; a node that
 * joins again has another id.
 */
export type NodeState =
  | { readonly kind: "unseen" }
  | { readonly kind: "present"; readonly spec: string; readonly version: VersionBelief }
  | { readonly kind: "removed" };

const UNSEEN: NodeState = { kind: "unseen" };
const REMOVED: NodeState = { kind: "removed" };

/**
 * The store's promises about what users say of nodes: updates only of the version that they name, reads that show the
 * last one, and no way back for what was removed. Refusals for other reasons (quorum, names, not down) are right at any
 * time.
 */
export function nodeModel(writers: Writers): Model<NodeState, NodeInput, NodeOutput> {
  return {
    initial: UNSEEN,
    objectOf: (input) => (input.kind === "list" ? undefined : input.id),
    objectsShown: (output) => (output.kind === "nodes" ? output.nodes.map(({ id }) => id) : []),
    step: (state, { object, input, output }) => {
      switch (input.kind) {
        case "update":
          return update(state, { input, output, writers });
        case "remove":
          return remove(state, output);
        case "read":
          if (output?.kind === "node")
            return output.node.id === input.id ? shown(state, output.node, writers) : undefined;
          return output?.kind === "refused" && output.code === "not_found" ? absent(state) : undefined;
        case "list": {
          if (output?.kind !== "nodes") return undefined;
          const [one, another] = output.nodes.filter(({ id }) => id === object);
          if (another !== undefined) return undefined;
          return one === undefined ? absent(state) : shown(state, one, writers);
        }
        default:
          return unreachable(input);
      }
    },
    isReadOnly: (input, output) => input.kind === "read" || input.kind === "list" || output?.kind === "refused",
    keyOf: (state) => JSON.stringify(state),
    describe: (input, output) => `${describeInput(input)}: ${describeOutput(output)}`,
    describeState: (state) =>
      state.kind === "present" ? `spec ${state.spec}, ${describeVersion(state.version)}` : state.kind,
  };
}

interface Update {
  readonly input: Extract<NodeInput, { kind: "update" }>;
  readonly output: NodeOutput | undefined;
  readonly writers: Writers;
}

function update(state: NodeState, { input, output, writers }: Update): NodeState | undefined {
  if (output?.kind === "refused") return refusedUpdate(state, input.version, output.code);
  if (state.kind === "removed" || (output !== undefined && output.kind !== "done")) return undefined;
  if (state.kind === "present" && !mayBe(state.version, input.version)) return undefined;
  const version = grown(input.version, output?.version, writers);
  return version && { kind: "present", spec: input.spec, version };
}

function refusedUpdate(state: NodeState, version: Index, code: RefusalCode): NodeState | undefined {
  if (code === "not_found") return absent(state);
  if (code !== "out_of_date") return state;
  if (state.kind !== "present") return state.kind === "unseen" ? state : undefined;
  const belief = outgrown(state.version, version);
  return belief && { ...state, version: belief };
}

function remove(state: NodeState, output: NodeOutput | undefined): NodeState | undefined {
  if (output?.kind === "refused") return output.code === "not_found" ? absent(state) : state;
  if (state.kind === "removed" || (output !== undefined && output.kind !== "done")) return undefined;
  const version = output?.version;
  return state.kind === "present" && version !== undefined && version <= state.version.at ? undefined : REMOVED;
}

function shown(state: NodeState, { spec, version }: ShownNode, writers: Writers): NodeState | undefined {
  const next: NodeState = { kind: "present", spec, version: seen(version, writers) };
  switch (state.kind) {
    case "unseen":
      return next;
    case "removed":
      return undefined;
    case "present":
      return state.spec === spec && mayBe(state.version, version) ? next : undefined;
    default:
      return unreachable(state);
  }
}

const absent = (state: NodeState): NodeState | undefined => (state.kind === "present" ? undefined : state);

function describeInput(input: NodeInput): string {
  switch (input.kind) {
    case "update":
      return `update node ${input.id} of version ${String(input.version)} to ${input.spec}`;
    case "remove":
      return `remove node ${input.id}`;
    case "read":
      return `read node ${input.id}`;
    case "list":
      return "list nodes";
    default:
      return unreachable(input);
  }
}

function describeOutput(output: NodeOutput | undefined): string {
  switch (output?.kind) {
    case undefined:
      return "?";
    case "done":
      return output.version === undefined ? "done" : `done, version ${String(output.version)}`;
    case "refused":
      return output.code;
    case "node":
      return describeShown(output.node);
    case "nodes":
      return `[${output.nodes.map(describeShown).join("; ")}]`;
    default:
      return unreachable(output);
  }
}

const describeShown = ({ id, spec, version }: ShownNode): string => `${id}, ${spec}, version ${String(version)}`;
