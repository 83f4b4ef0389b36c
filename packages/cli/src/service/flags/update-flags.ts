import type { ServiceSpec, UpdateConfig } from "@murmur/api";
import { parseDuration } from "../../units/duration.ts";
import { parseCount, parseRatio } from "../../units/number.ts";
import type { ServiceFlag, ValueFlag } from "../flag.ts";

const ORDERS = ["start-first", "stop-first"] as const;
const UPDATE_ACTIONS = ["pause", "continue", "rollback"] as const;
const ROLLBACK_ACTIONS = ["pause", "continue"] as const;

type Which = "UpdateConfig" | "RollbackConfig";

/** Docker leaves what isn't said to its default, except that a config must say how many at once. */
const configOf = (spec: ServiceSpec, which: Which): UpdateConfig => (spec[which] ??= { Parallelism: 1 });

/** `--update-…` and `--rollback-…` differ in words only. */
function configFlags(prefix: "update" | "rollback", which: Which): readonly ServiceFlag[] {
  const verb = prefix === "update" ? "updated" : "rolled back";
  const noun = prefix === "update" ? "an update" : "a rollback";
  const flag = (
    name: string,
    rest: Omit<ValueFlag, "kind" | "name" | "set"> & { set(config: UpdateConfig, text: string): void },
  ): ServiceFlag => ({
    ...rest,
    kind: "value",
    name: `${prefix}-${name}`,
    set: (spec, text) => rest.set(configOf(spec, which), text),
  });
  return [
    flag("parallelism", {
      value: "uint",
      default: "1",
      help: `Maximum number of tasks ${verb} simultaneously (0 for all at once)`,
      set: (config, text) => (config.Parallelism = parseCount(text)),
    }),
    flag("delay", {
      value: "duration",
      default: "0s",
      help: `Delay between tasks that are ${verb} (ns|us|ms|s|m|h)`,
      set: (config, text) => (config.Delay = parseDuration(text)),
    }),
    flag("failure-action", {
      value: "string",
      choices: prefix === "update" ? UPDATE_ACTIONS : ROLLBACK_ACTIONS,
      default: "pause",
      help: `Action when ${noun} fails`,
      set: (config, text) => {
        const action = UPDATE_ACTIONS.find((candidate) => candidate === text);
        if (action !== undefined) config.FailureAction = action;
      },
    }),
    flag("max-failure-ratio", {
      value: "float",
      default: "0",
      help: `Failure rate to tolerate during ${noun}`,
      set: (config, text) => (config.MaxFailureRatio = parseRatio(text)),
    }),
    flag("monitor", {
      value: "duration",
      default: "5s",
      help: `How long each task is watched for failure after it was ${verb} (ns|us|ms|s|m|h)`,
      set: (config, text) => (config.Monitor = parseDuration(text)),
    }),
    flag("order", {
      value: "string",
      choices: ORDERS,
      default: "stop-first",
      help: `Whether ${noun} starts a new task before it stops the old one`,
      set: (config, text) => {
        const order = ORDERS.find((candidate) => candidate === text);
        if (order !== undefined) config.Order = order;
      },
    }),
  ];
}

export const UPDATE_FLAGS = configFlags("update", "UpdateConfig");
export const ROLLBACK_FLAGS = configFlags("rollback", "RollbackConfig");
