import { parseCount } from "../../units/number.ts";
import { splitShellWords } from "../../units/shell-words.ts";
import { invalid } from "../../argument-error.ts";
import type { ServiceFlag } from "../flag.ts";
import { withAssignments, withoutKeys } from "../list-edit.ts";
import { containerOf, endpointOf } from "../spec-parts.ts";

const MODES = ["replicated", "global", "replicated-job", "global-job"] as const;
const ENDPOINT_MODES = ["vip", "dnsrr"] as const;

export const GENERAL_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "value",
    name: "name",
    value: "string",
    only: "create",
    help: "Service name",
    set: (spec, text) => (spec.Name = text),
  },
  {
    kind: "value",
    name: "image",
    value: "string",
    only: "update",
    help: "Service image",
    set: (spec, text) => (containerOf(spec).Image = text),
  },
  {
    kind: "value",
    name: "args",
    value: "command",
    only: "update",
    help: "Service command args",
    set: (spec, text) => (containerOf(spec).Args = splitShellWords(text)),
  },
  {
    kind: "switch",
    name: "force",
    only: "update",
    help: "Replace all tasks even if nothing requires it",
    set: ({ TaskTemplate }, on) => {
      if (on) TaskTemplate.ForceUpdate = (TaskTemplate.ForceUpdate ?? 0) + 1;
    },
  },
  // Before --replicas, which depends on it.
  {
    kind: "value",
    name: "mode",
    value: "string",
    only: "create",
    choices: MODES,
    default: "replicated",
    help: "Service mode",
    set(spec, text) {
      const modes: Readonly<Record<string, typeof spec.Mode>> = {
        replicated: { Replicated: {} },
        global: { Global: {} },
        "replicated-job": { ReplicatedJob: {} },
        "global-job": { GlobalJob: {} },
      };
      spec.Mode = modes[text] ?? {};
    },
  },
  {
    kind: "value",
    name: "replicas",
    value: "uint",
    help: "Number of tasks",
    set: ({ Mode }, text) => {
      const count = parseCount(text);
      if (Mode?.Replicated !== undefined) Mode.Replicated.Replicas = count;
      else if (Mode?.ReplicatedJob !== undefined) Mode.ReplicatedJob.TotalCompletions = count;
      else throw invalid("replicas can only be used with replicated or replicated-job mode");
    },
  },
  {
    kind: "value",
    name: "max-concurrent",
    value: "uint",
    help: "Number of a job's tasks that run concurrently (default: as --replicas)",
    set: ({ Mode }, text) => {
      const count = parseCount(text);
      if (Mode?.ReplicatedJob === undefined) throw invalid("max-concurrent can only be used with replicated-job mode");
      Mode.ReplicatedJob.MaxConcurrent = count;
    },
  },
  {
    kind: "list",
    name: "label",
    short: "l",
    value: "key=value",
    help: "Service labels",
    add: (spec, texts) => (spec.Labels = withAssignments(spec.Labels, texts)),
    remove: {
      value: "key",
      help: "Remove a label by its key",
      from: (spec, keys) => (spec.Labels = withoutKeys(spec.Labels, keys)),
    },
  },
  {
    kind: "value",
    name: "endpoint-mode",
    value: "string",
    choices: ENDPOINT_MODES,
    default: "vip",
    help: "Endpoint mode",
    set: (spec, text) => {
      const mode = ENDPOINT_MODES.find((candidate) => candidate === text);
      if (mode !== undefined) endpointOf(spec).Mode = mode;
    },
  },
];
