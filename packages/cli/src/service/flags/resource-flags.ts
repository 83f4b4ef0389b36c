import { parseBytes } from "../../units/bytes.ts";
import { parseCpus } from "../../units/cpus.ts";
import { parseCount } from "../../units/number.ts";
import type { ServiceFlag } from "../flag.ts";
import { limitsOf, reservationsOf } from "../spec-parts.ts";

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
];
