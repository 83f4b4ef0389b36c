import type { ServiceSpec } from "@murmur/api";
import { invalid } from "../../argument-error.ts";
import type { ServiceFlag } from "../flag.ts";
import { distinct, replacedByKey, withAdded, withAssignments, without, withoutKeys } from "../list-edit.ts";
import { containerOf } from "../spec-parts.ts";
import { parseUlimit } from "../ulimit.ts";

/** The kernel's range: below 0 it is spared longer. */
function parseOomScore(text: string): number {
  const score = Number(text);
  if (/^[+-]?\d+$/.test(text) && Math.abs(score) <= 1_000) return score;
  throw invalid(`invalid score '${text}': give a whole number from -1000 to 1000`);
}

/** `NET_ADMIN`, `cap_net_admin` and `CAP_NET_ADMIN` are one. */
function capability(text: string): string {
  const name = text.trim().toUpperCase();
  return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
}

/** What is added is not dropped any more, and the other way round. */
function setCapabilities(spec: ServiceSpec, field: "CapabilityAdd" | "CapabilityDrop", texts: readonly string[]): void {
  const container = containerOf(spec);
  const other = field === "CapabilityAdd" ? "CapabilityDrop" : "CapabilityAdd";
  const names = texts.map(capability);
  container[field] = withAdded(container[field], names);
  if (container[other] !== undefined) container[other] = without(container[other], names);
}

export const KERNEL_FLAGS: readonly ServiceFlag[] = [
  // As Docker's, these two have no -add and -rm: each undoes the other.
  {
    kind: "list",
    name: "cap-add",
    value: "capability",
    help: "Add Linux capabilities",
    add: (spec, texts) => setCapabilities(spec, "CapabilityAdd", texts),
  },
  {
    kind: "list",
    name: "cap-drop",
    value: "capability",
    help: "Drop Linux capabilities",
    add: (spec, texts) => setCapabilities(spec, "CapabilityDrop", texts),
  },
  {
    kind: "list",
    name: "sysctl",
    value: "key=value",
    help: "Sysctl options",
    add(spec, texts) {
      const bare = texts.find((text) => !text.includes("="));
      if (bare !== undefined) throw invalid(`'${bare}' has no value: give KEY=VALUE`);
      containerOf(spec).Sysctls = withAssignments(containerOf(spec).Sysctls, texts);
    },
    remove: {
      value: "key",
      help: "Remove a sysctl option",
      from: (spec, keys) => (containerOf(spec).Sysctls = withoutKeys(containerOf(spec).Sysctls, keys)),
    },
  },
  {
    kind: "list",
    name: "ulimit",
    value: "name=soft[:hard]",
    help: "Ulimit options",
    add(spec, texts) {
      const container = containerOf(spec);
      const added = distinct(texts.map(parseUlimit), ({ Name }) => Name);
      container.Ulimits = replacedByKey(container.Ulimits, added, ({ Name }) => Name);
    },
    remove: {
      value: "name",
      help: "Remove a ulimit option",
      from(spec, names) {
        const container = containerOf(spec);
        container.Ulimits = (container.Ulimits ?? []).filter(({ Name }) => !names.includes(Name));
      },
    },
  },
  {
    kind: "value",
    name: "oom-score-adj",
    value: "int",
    help: "Tune host's OOM preferences (-1000 to 1000)",
    set: (spec, text) => (containerOf(spec).OomScoreAdj = parseOomScore(text)),
  },
];
