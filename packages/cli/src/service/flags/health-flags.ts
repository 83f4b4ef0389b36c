import { parseDuration } from "../../units/duration.ts";
import { parseCount } from "../../units/number.ts";
import { invalid } from "../../argument-error.ts";
import type { ServiceSpec } from "@murmur/api";
import type { ServiceFlag } from "../flag.ts";
import { containerOf, healthOf } from "../spec-parts.ts";

const NONE = "NONE";

/** The health check that a flag changes; one that was switched off is begun anew. */
function checkOf(spec: ServiceSpec): ReturnType<typeof healthOf> {
  const container = containerOf(spec);
  if (container.Healthcheck?.Test?.[0] === NONE) container.Healthcheck = {};
  return healthOf(spec);
}

export const HEALTH_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "value",
    name: "health-cmd",
    value: "string",
    help: "Command to run to check health",
    set: (spec, text) => (checkOf(spec).Test = text === "" ? [] : ["CMD-SHELL", text]),
  },
  {
    kind: "value",
    name: "health-interval",
    value: "duration",
    help: "Time between running the check (ms|s|m|h)",
    set: (spec, text) => (checkOf(spec).Interval = parseDuration(text)),
  },
  {
    kind: "value",
    name: "health-timeout",
    value: "duration",
    help: "Maximum time to allow one check to run (ms|s|m|h)",
    set: (spec, text) => (checkOf(spec).Timeout = parseDuration(text)),
  },
  {
    kind: "value",
    name: "health-retries",
    value: "int",
    help: "Consecutive failures needed to report unhealthy",
    set: (spec, text) => (checkOf(spec).Retries = parseCount(text)),
  },
  {
    kind: "value",
    name: "health-start-period",
    value: "duration",
    help: "Time for the container to start before failures count (ms|s|m|h)",
    set: (spec, text) => (checkOf(spec).StartPeriod = parseDuration(text)),
  },
  {
    kind: "value",
    name: "health-start-interval",
    value: "duration",
    help: "Time between running the check during the start period (ms|s|m|h)",
    set: (spec, text) => (checkOf(spec).StartInterval = parseDuration(text)),
  },
];

/** Said with a name of its own, because it contradicts all others. */
export const NO_HEALTHCHECK = {
  name: "no-healthcheck",
  help: "Disable any HEALTHCHECK of the image",
  set(spec: ServiceSpec, given: readonly string[]): void {
    const contradiction = given.find((name) => name.startsWith("health-"));
    if (contradiction !== undefined) throw invalid(`--no-healthcheck conflicts with --${contradiction}`);
    containerOf(spec).Healthcheck = { Test: [NONE] };
  },
} as const;
