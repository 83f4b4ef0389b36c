import type { ServiceSpec } from "@murmur/api";
import { invalid } from "../../argument-error.ts";
import { parseDuration } from "../../units/duration.ts";
import type { ServiceFlag } from "../flag.ts";

type NodeLoss = NonNullable<NonNullable<ServiceSpec["Murmur"]>["OnNodeLoss"]>;

export const NODE_LOSS_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "value",
    name: "on-node-loss",
    value: "policy",
    default: "replace",
    help: "What becomes of a task whose node is lost: replace, replace-after=DURATION (at most 24h), or wait, until the node is back or removed",
    set: (spec, text) => ((spec.Murmur ??= {}).OnNodeLoss = parsePolicy(text)),
  },
];

function parsePolicy(text: string): NodeLoss {
  if (text === "wait" || text === "replace") return { Action: text };
  const [name, after, ...more] = text.split("=");
  if (name === "replace-after" && after !== undefined && more.length === 0)
    return { Action: "replace", After: parseDuration(after) };
  throw invalid(`'${text}' is no policy: give replace, replace-after=DURATION such as replace-after=2m, or wait`);
}
