import { invalid } from "../../argument-error.ts";
import { parseCount } from "../../units/number.ts";
import type { ServiceFlag } from "../flag.ts";
import { withAdded, without } from "../list-edit.ts";
import { placementOf } from "../spec-parts.ts";

/** `spread=node.labels.zone` → `node.labels.zone`. */
function spreadOf(text: string): string {
  const match = /^\s*spread\s*=\s*(\S+)\s*$/i.exec(text);
  if (match?.[1] === undefined) {
    throw invalid(`invalid placement preference '${text}': give spread=ATTRIBUTE, such as spread=node.labels.zone`);
  }
  return match[1];
}

export const PLACEMENT_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "list",
    name: "constraint",
    value: "constraint",
    help: "Placement constraints, such as node.labels.zone==east",
    add: (spec, texts) => (placementOf(spec).Constraints = withAdded(placementOf(spec).Constraints, texts)),
    remove: {
      value: "constraint",
      help: "Remove a constraint",
      from: (spec, texts) => (placementOf(spec).Constraints = without(placementOf(spec).Constraints, texts)),
    },
  },
  {
    kind: "list",
    name: "placement-pref",
    value: "pref",
    help: "Placement preferences, such as spread=node.labels.zone",
    add(spec, texts) {
      const placement = placementOf(spec);
      const added = texts.map((text) => ({ Spread: { SpreadDescriptor: spreadOf(text) } }));
      placement.Preferences = [...(placement.Preferences ?? []), ...added];
    },
    remove: {
      value: "pref",
      help: "Remove a placement preference",
      from(spec, texts) {
        const placement = placementOf(spec);
        const gone = texts.map(spreadOf);
        placement.Preferences = (placement.Preferences ?? []).filter(
          ({ Spread }) => !gone.includes(Spread.SpreadDescriptor),
        );
      },
    },
  },
  {
    kind: "value",
    name: "replicas-max-per-node",
    value: "uint",
    default: "0 = unlimited",
    help: "Maximum number of tasks per node",
    set: (spec, text) => (placementOf(spec).MaxReplicas = parseCount(text)),
  },
  {
    kind: "value",
    name: "strategy",
    value: "strategy",
    choices: ["spread", "binpack", "default"],
    default: "the cluster's, spread unless changed",
    help: "Even the load out over the nodes (spread) or fill nodes up (binpack); for tasks that are placed from now on",
    set(spec, text) {
      const { Strategy: _, ...others } = spec.Murmur ?? {};
      spec.Murmur = text === "spread" || text === "binpack" ? { ...others, Strategy: text } : others;
    },
  },
];
