import { shown } from "../problem.ts";
import { dictionary, listOf, object, texts } from "./collections.ts";
import { deviceRequests } from "./device.ts";
import type { NumberShape } from "./shape.ts";
import { bytes, count, cpus, duration, oneOf, text, whole } from "./values.ts";

const ratio: NumberShape = { kind: "number", whole: false, min: 0, max: 1 };

const update = {
  parallelism: count,
  delay: duration,
  monitor: duration,
  max_failure_ratio: ratio,
  order: oneOf("start-first", "stop-first"),
};

export const deploy = object(
  {
    mode: oneOf("replicated", "global", "replicated-job", "global-job"),
    endpoint_mode: oneOf("vip", "dnsrr"),
    replicas: count,
    labels: dictionary,
    update_config: object({ ...update, failure_action: oneOf("pause", "continue", "rollback") }),
    rollback_config: object({ ...update, failure_action: oneOf("pause", "continue") }),
    resources: object({
      limits: object({ cpus, memory: bytes, pids: whole }),
      reservations: object({
        cpus,
        memory: bytes,
        generic_resources: listOf(
          object({ discrete_resource_spec: object({ kind: text, value: count }, { required: ["kind", "value"] }) }),
        ),
        devices: deviceRequests,
      }),
    }),
    restart_policy: object({
      condition: {
        kind: "text",
        check: (given) =>
          /^(?:none|on-failure|any)$/.test(given)
            ? undefined
            : `none, on-failure and any are allowed, not ${shown(given)}`,
      },
      delay: duration,
      max_attempts: count,
      window: duration,
    }),
    placement: object({
      constraints: texts,
      preferences: listOf(object({ spread: text })),
      max_replicas_per_node: count,
    }),
  },
  { nullable: true },
);
