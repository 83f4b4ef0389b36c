import { z } from "zod";
import { containerSpec } from "./container.ts";
import { count, driver, head, moment, murmur, texts, version } from "./fields.ts";

export const genericResources = z.array(
  z.union([
    z.strictObject({ DiscreteResourceSpec: z.strictObject({ Kind: z.string(), Value: z.int() }) }),
    z.strictObject({ NamedResourceSpec: z.strictObject({ Kind: z.string(), Value: z.string() }) }),
  ]),
);
const amounts = { NanoCPUs: count.optional(), MemoryBytes: count.optional() };

export const platform = z.strictObject({ Architecture: z.string().optional(), OS: z.string().optional() });

export const taskSpec = z.strictObject({
  ContainerSpec: containerSpec,
  Resources: z
    .strictObject({
      Limits: z.strictObject({ ...amounts, Pids: count.optional() }).optional(),
      Reservations: z.strictObject({ ...amounts, GenericResources: genericResources.optional() }).optional(),
    })
    .optional(),
  RestartPolicy: z
    .strictObject({
      Condition: z.enum(["none", "on-failure", "any"]).optional(),
      Delay: count.optional(),
      MaxAttempts: count.optional(),
      Window: count.optional(),
    })
    .optional(),
  Placement: z
    .strictObject({
      Constraints: z.array(z.string()).optional(),
      Preferences: z.array(z.strictObject({ Spread: z.strictObject({ SpreadDescriptor: z.string() }) })).optional(),
      MaxReplicas: count.optional(),
      Platforms: z.array(platform).optional(),
    })
    .optional(),
  Networks: z
    .array(
      z.strictObject({
        Target: z.string(),
        Aliases: z.array(z.string()).optional(),
        DriverOpts: texts.optional(),
      }),
    )
    .optional(),
  LogDriver: driver.optional(),
  ForceUpdate: count,
  Runtime: z.enum(["container", "plugin", "attachment"]).optional(),
});

const update = z.strictObject({
  Parallelism: count,
  Delay: count.optional(),
  FailureAction: z.enum(["continue", "pause", "rollback"]).optional(),
  Monitor: count.optional(),
  MaxFailureRatio: z.number().min(0).max(1),
  Order: z.enum(["stop-first", "start-first"]).optional(),
});

export const port = z.strictObject({
  Name: z.string().optional(),
  Protocol: z.enum(["tcp", "udp", "sctp"]).optional(),
  TargetPort: count.optional(),
  PublishedPort: count.optional(),
  PublishMode: z.enum(["ingress", "host"]).optional(),
  Murmur: murmur,
});
const endpointSpec = z.strictObject({ Mode: z.enum(["vip", "dnsrr"]).optional(), Ports: z.array(port).optional() });

const none = z.strictObject({});
const mode = z.union([
  z.strictObject({ Replicated: z.strictObject({ Replicas: count.optional() }) }),
  z.strictObject({ Global: none }),
  z.strictObject({
    ReplicatedJob: z.strictObject({ MaxConcurrent: count.optional(), TotalCompletions: count.optional() }),
  }),
  z.strictObject({ GlobalJob: none }),
]);

const spec = z.strictObject({
  Name: z.string(),
  Labels: texts,
  TaskTemplate: taskSpec,
  Mode: mode,
  UpdateConfig: update.optional(),
  RollbackConfig: update.optional(),
  EndpointSpec: endpointSpec.optional(),
  Murmur: murmur,
});

export const service = z.strictObject({
  ...head,
  Spec: spec,
  PreviousSpec: spec.optional(),
  Endpoint: z.strictObject({
    Spec: endpointSpec,
    Ports: z.array(port).optional(),
    VirtualIPs: z.array(z.strictObject({ NetworkID: z.string(), Addr: z.string().optional() })).optional(),
  }),
  UpdateStatus: z
    .strictObject({
      State: z.enum(["updating", "paused", "completed", "rollback_started", "rollback_paused", "rollback_completed"]),
      StartedAt: moment.optional(),
      CompletedAt: moment.optional(),
      Message: z.string(),
    })
    .optional(),
  ServiceStatus: z.strictObject({ RunningTasks: count, DesiredTasks: count, CompletedTasks: count }).optional(),
  JobStatus: z.strictObject({ JobIteration: version, LastExecution: moment.optional() }).optional(),
  Murmur: murmur,
});

export const serviceUpdated = z.strictObject({ Warnings: z.array(z.string()).nullable().optional(), Murmur: murmur });
