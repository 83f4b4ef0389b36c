import type { ServiceSpec } from "@murmur/api";
import { invalid } from "../../argument-error.ts";
import { parseDuration } from "../../units/duration.ts";
import type { ServiceFlag } from "../flag.ts";

type NodeLoss = NonNullable<NonNullable<ServiceSpec["Murmur"]>["OnNodeLoss"]>;

export const POLICY_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "value",
    name: "on-node-loss",
    value: "policy",
    default: "replace",
    help: "What becomes of a task whose node is lost: replace, replace-after=DURATION (at most 24h), or wait, until the node is back or removed",
    set: (spec, text) => ((spec.Murmur ??= {}).OnNodeLoss = parsePolicy(text)),
  },
  {
    kind: "value",
    name: "rebalance",
    value: "policy",
    choices: ["on", "off"],
    default: "on",
    help: "Whether the cluster's policy of rebalancing, where it has one (cluster update --rebalance on), may move its tasks",
    set(spec, text) {
      const { Rebalance: _, ...others } = spec.Murmur ?? {};
      spec.Murmur = text === "off" ? { ...others, Rebalance: "off" } : others;
    },
  },
];

function parsePolicy(text: string): NodeLoss {
  if (text === "wait" || text === "replace") return { Action: text };
  const [name, after, ...more] = text.split("=");
  if (name === "replace-after" && after !== undefined && more.length === 0)
    return { Action: "replace", After: parseDuration(after) };
  throw invalid(`'${text}' is no policy: give replace, replace-after=DURATION such as replace-after=2m, or wait`);
}
