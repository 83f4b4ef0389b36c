import { parseBytes } from "../../units/bytes.ts";
import { parseCpus } from "../../units/cpus.ts";
import { parseGenericRequest } from "../../units/generic-resources.ts";
import { parseCount } from "../../units/number.ts";
import type { ServiceFlag } from "../flag.ts";
import { limitsOf, reservationsOf, resourcesOf } from "../spec-parts.ts";

type GenericResource = NonNullable<ReturnType<typeof reservationsOf>["GenericResources"]>[number];

const kindOf = (resource: GenericResource): string =>
  "DiscreteResourceSpec" in resource ? resource.DiscreteResourceSpec.Kind : resource.NamedResourceSpec.Kind;

export const RESOURCE_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "value",
    name: "limit-cpu",
    value: "decimal",
    help: "Limit CPUs, such as 0.5",
    set: (spec, text) => (limitsOf(spec).NanoCPUs = parseCpus(text)),
  },
  {
    kind: "value",
    name: "limit-memory",
    value: "bytes",
    help: "Limit Memory, such as 512M",
    set: (spec, text) => (limitsOf(spec).MemoryBytes = parseBytes(text)),
  },
  {
    kind: "value",
    name: "limit-pids",
    value: "int",
    default: "0 = unlimited",
    help: "Limit maximum number of processes",
    set: (spec, text) => (limitsOf(spec).Pids = parseCount(text)),
  },
  {
    kind: "value",
    name: "memory-swap",
    value: "bytes",
    default: "as much as --limit-memory",
    help: "Swap that a task may use beside its --limit-memory; 0 for none, -1 for no limit",
    set: (spec, text) => (resourcesOf(spec).SwapBytes = text === "-1" ? -1 : parseBytes(text)),
  },
  {
    kind: "value",
    name: "memory-swappiness",
    value: "int",
    default: "-1 = the host's",
    help: "How readily a task's memory is swapped out, from 0 to 100; -1 for the host's default",
    set: (spec, text) => (resourcesOf(spec).MemorySwappiness = text === "-1" ? -1 : parseCount(text)),
  },
  {
    kind: "value",
    name: "reserve-cpu",
    value: "decimal",
    help: "Reserve CPUs",
    set: (spec, text) => (reservationsOf(spec).NanoCPUs = parseCpus(text)),
  },
  {
    kind: "value",
    name: "reserve-memory",
    value: "bytes",
    help: "Reserve Memory",
    set: (spec, text) => (reservationsOf(spec).MemoryBytes = parseBytes(text)),
  },
  {
    kind: "list",
    name: "generic-resource",
    value: "kind=number",
    help: "User defined resources of a node that each task needs, such as gpu=1",
    add(spec, texts) {
      const reservations = reservationsOf(spec);
      const added = Object.entries(parseGenericRequest(texts));
      const others = (reservations.GenericResources ?? []).filter(
        (resource) => !added.some(([kind]) => kind === kindOf(resource)),
      );
      const more = added.map(([Kind, Value]) => ({ DiscreteResourceSpec: { Kind, Value } }));
      reservations.GenericResources = [...others, ...more];
    },
    remove: {
      value: "kind",
      help: "Remove a generic resource",
      from(spec, kinds) {
        const reservations = reservationsOf(spec);
        reservations.GenericResources = (reservations.GenericResources ?? []).filter(
          (resource) => !kinds.includes(kindOf(resource)),
        );
      },
    },
  },
];
