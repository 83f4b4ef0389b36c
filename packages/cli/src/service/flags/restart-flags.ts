import { parseDuration } from "../../units/duration.ts";
import { parseCount } from "../../units/number.ts";
import type { ServiceFlag } from "../flag.ts";
import { restartOf } from "../spec-parts.ts";

const CONDITIONS = ["none", "on-failure", "any"] as const;

export const RESTART_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "value",
    name: "restart-condition",
    value: "string",
    choices: CONDITIONS,
    default: "any",
    help: "Restart when condition is met",
    set: (spec, text) => {
      const condition = CONDITIONS.find((candidate) => candidate === text);
      if (condition !== undefined) restartOf(spec).Condition = condition;
    },
  },
  {
    kind: "value",
    name: "restart-delay",
    value: "duration",
    default: "5s",
    help: "Delay between restart attempts (ns|us|ms|s|m|h)",
    set: (spec, text) => (restartOf(spec).Delay = parseDuration(text)),
  },
  {
    kind: "value",
    name: "restart-max-attempts",
    value: "uint",
    help: "Maximum number of restarts before giving up",
    set: (spec, text) => (restartOf(spec).MaxAttempts = parseCount(text)),
  },
  {
    kind: "value",
    name: "restart-window",
    value: "duration",
    help: "Window used to evaluate the restart policy (ns|us|ms|s|m|h)",
    set: (spec, text) => (restartOf(spec).Window = parseDuration(text)),
  },
];
