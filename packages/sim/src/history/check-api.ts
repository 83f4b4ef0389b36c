import type { Operation } from "./history.ts";
import { checkLinearizable, type Verdict } from "./linearizable.ts";
import { nodeModel, type NodeInput, type NodeOutput } from "./node-model.ts";
import { serviceModel, type ServiceInput, type ServiceOutput } from "./service-model.ts";
import type { Writers } from "./version-belief.ts";
import { withoutUnseenCreates } from "./unseen-creates.ts";
import { checkVersionOrder, ranksByVersion, type EvidenceOf, type VersionEvidence } from "./version-order.ts";

export interface ApiCheckOptions {
  /** Default: `others_too`, what a cluster with its loops does. */
  readonly writers?: Writers;
  /** See `LinearizabilityOptions`. */
  readonly stepsMax?: number;
}

export type ApiVerdict =
  | { readonly kind: "ok"; readonly steps: number }
  | { readonly kind: "violation" | "undecided"; readonly explanation: string; readonly steps: number };

/** Everything that a history of services has to keep: linearizability, and the order of versions. */
export function checkServices(
  history: readonly Operation<ServiceInput, ServiceOutput>[],
  { writers = "others_too", ...options }: ApiCheckOptions = {},
): ApiVerdict {
  const verdict = checkLinearizable(withoutUnseenCreates(history), {
    model: serviceModel(writers),
    rankOf: ranksByVersion(history, serviceEvidence),
    ...options,
  });
  return withVersionOrder(verdict, history, serviceEvidence);
}

/** Everything that a history of nodes has to keep. */
export function checkNodes(
  history: readonly Operation<NodeInput, NodeOutput>[],
  { writers = "others_too", ...options }: ApiCheckOptions = {},
): ApiVerdict {
  const verdict = checkLinearizable(history, {
    model: nodeModel(writers),
    rankOf: ranksByVersion(history, nodeEvidence),
    ...options,
  });
  return withVersionOrder(verdict, history, nodeEvidence);
}

/** A broken order of versions is certain, also where the search gave up. */
function withVersionOrder<Input, Output>(
  verdict: Verdict<Input, Output>,
  history: readonly Operation<Input, Output>[],
  evidenceOf: EvidenceOf<Input, Output>,
): ApiVerdict {
  const { steps } = verdict;
  if (verdict.kind === "violation") return { kind: "violation", explanation: verdict.explanation, steps };
  const problems = checkVersionOrder(history, evidenceOf);
  if (problems.length > 0) {
    const lines = problems.map(({ message }) => `  ${message}`);
    return { kind: "violation", explanation: ["versions are out of order:", ...lines].join("\n"), steps };
  }
  return verdict.kind === "ok" ? verdict : { kind: "undecided", explanation: verdict.explanation, steps };
}

/** What is known from the answers about services. By id: an index of the log speaks of one service, a name may have had several. */
export function serviceEvidence({ input, ending }: Operation<ServiceInput, ServiceOutput>): VersionEvidence {
  const output = ending.kind === "returned" ? ending.output : undefined;
  const isExecuted = ending.kind === "unknown" || output?.kind === "done";
  const wrote =
    output?.kind === "done" && output.version !== undefined && "id" in input && input.id !== undefined
      ? { object: input.id, version: output.version }
      : undefined;
  const shown = output?.kind === "service" ? [output.service] : output?.kind === "services" ? output.services : [];
  return {
    ...(wrote && { wrote }),
    ...((input.kind === "create" || input.kind === "update") && { wants: { object: input.id, spec: input.spec } }),
    ...(input.kind === "remove" && isExecuted && { mayHaveRemoved: input.id }),
    shown: shown.map(({ id, version, spec }) => ({ object: id, version, spec })),
    isWhole: output?.kind === "services",
  };
}

function nodeEvidence({ input, ending }: Operation<NodeInput, NodeOutput>): VersionEvidence {
  const output = ending.kind === "returned" ? ending.output : undefined;
  const isExecuted = ending.kind === "unknown" || output?.kind === "done";
  const wrote =
    output?.kind === "done" && output.version !== undefined && input.kind !== "list"
      ? { object: input.id, version: output.version }
      : undefined;
  const shown = output?.kind === "node" ? [output.node] : output?.kind === "nodes" ? output.nodes : [];
  return {
    ...(wrote && { wrote }),
    ...(input.kind === "update" && { wants: { object: input.id, spec: input.spec } }),
    ...(input.kind === "remove" && isExecuted && { mayHaveRemoved: input.id }),
    shown: shown.map(({ id, version, spec }) => ({ object: id, version, spec })),
    isWhole: output?.kind === "nodes",
  };
}
