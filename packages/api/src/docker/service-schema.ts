import { BALANCINGS, STRATEGIES } from "@murmur/model";
import { z } from "zod";
import { containerSchema, driver, nanosOf, textList, textMap } from "./container-schema.ts";
import { givenText } from "./given-text.ts";
import { dockerObject, unsupported } from "./lenient-object.ts";

const count = z.int().nonnegative();
const port = z.int().min(0).max(65_535);

/** Docker takes these words in any case, and "" for the default. `refused`: what it says of any other one. */
function word<const W extends readonly [string, ...string[]]>(words: W, refused: (given: string) => string) {
  const lower = (value: unknown): unknown => (typeof value === "string" ? value.toLowerCase() || undefined : value);
  const error = ({ input }: { readonly input?: unknown }): string =>
    `${refused(givenText(input))}: must be one of ${words.join(", ")}`;
  return z.preprocess(lower, z.enum(words, { error }).optional());
}

/** As Go writes a small number: `1e-09`. */
const goNumber = (value: number): string => String(value).replace(/e-(\d)$/, "e-0$1");
const CPU_NANOS_MIN = 1_000_000;
const MEMORY_BYTES_MIN = 4 * 1024 * 1024;

/** Docker's least amounts. 0 is none. */
const resources = {
  NanoCPUs: z
    .int()
    .refine((nanoCpus) => nanoCpus === 0 || nanoCpus >= CPU_NANOS_MIN, {
      error: ({ input }) => `invalid cpu value ${goNumber(Number(input) / 1e9)}: Must be at least 0.001`,
    })
    .optional(),
  MemoryBytes: z
    .int()
    .refine((bytes) => bytes === 0 || bytes >= MEMORY_BYTES_MIN, {
      error: ({ input }) => `invalid memory value ${String(input)}: Must be at least 4MiB`,
    })
    .optional(),
};

const genericResource = dockerObject({
  DiscreteResourceSpec: dockerObject({ Kind: z.string().min(1, "names no kind"), Value: z.int() }).optional(),
  NamedResourceSpec: dockerObject({ Kind: z.string().min(1, "names no kind"), Value: z.string() }).optional(),
}).refine(
  (resource) => (resource.DiscreteResourceSpec === undefined) !== (resource.NamedResourceSpec === undefined),
  "must have a DiscreteResourceSpec or a NamedResourceSpec",
);

const networkAttachment = dockerObject({
  Target: z.string().min(1, "names no network"),
  Aliases: textList.optional(),
  DriverOpts: textMap.optional(),
});

const taskSchema = dockerObject({
  ContainerSpec: containerSchema,
  PluginSpec: unsupported(),
  NetworkAttachmentSpec: unsupported(),
  Resources: dockerObject({
    Limits: dockerObject({ ...resources, GenericResources: unsupported(), Pids: count.optional() }).optional(),
    Reservations: dockerObject({
      ...resources,
      GenericResources: z.array(genericResource).max(64).optional(),
    }).optional(),
    SwapBytes: z.int().min(-1, "must be -1, which is no limit, or a number of bytes").optional(),
    MemorySwappiness: z
      .int()
      .min(-1, "must be from 0 to 100, or -1")
      .max(100, "must be from 0 to 100, or -1")
      .optional(),
  }).optional(),
  RestartPolicy: dockerObject({
    Condition: word(["none", "on-failure", "any"], (given) => `invalid RestartCondition: "${given}"`),
    Delay: nanosOf("TaskSpec: restart-delay cannot be negative").optional(),
    MaxAttempts: count.optional(),
    Window: nanosOf("TaskSpec: restart-window cannot be negative").optional(),
  }).optional(),
  Placement: dockerObject({
    Constraints: textList.optional(),
    Preferences: z
      .array(dockerObject({ Spread: dockerObject({ SpreadDescriptor: z.string().default("") }).optional() }))
      .optional(),
    MaxReplicas: count.optional(),
    Platforms: z.array(dockerObject({ OS: z.string().optional(), Architecture: z.string().optional() })).optional(),
  }).optional(),
  ForceUpdate: count.optional(),
  Runtime: unsupported("unsupported runtime: Murmur runs containers only; leave it out", ["container"]),
  Networks: z.array(networkAttachment).max(1_024).optional(),
  LogDriver: driver.optional(),
});

const RATIO = "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1";

const updateSchema = dockerObject({
  Parallelism: count.optional(),
  Delay: nanosOf("TaskSpec: update-delay cannot be negative").optional(),
  FailureAction: word(["pause", "continue", "rollback"], (given) => `unrecognized update failure action ${given}`),
  Monitor: nanosOf("TaskSpec: update-monitor cannot be negative").optional(),
  MaxFailureRatio: z.number().min(0, RATIO).max(1, RATIO).optional(),
  Order: word(["stop-first", "start-first"], (given) => `unrecognized update order ${given}`),
});

const modeSchema = dockerObject({
  Replicated: dockerObject({ Replicas: count.optional() }).optional(),
  Global: dockerObject({}).optional(),
  ReplicatedJob: dockerObject({ MaxConcurrent: count.optional(), TotalCompletions: count.optional() }).optional(),
  GlobalJob: dockerObject({}).optional(),
}).refine((mode) => Object.keys(mode).length <= 1, "must specify only one service mode");

/** Murmur's own, so it is read strictly. An address is looked at by the model. */
const portOptions = z.strictObject({
  HostIP: z.string().max(64).optional(),
  Balancing: z.enum(BALANCINGS, `must be one of ${BALANCINGS.join(", ")}`).optional(),
  ProxyProtocol: z.boolean().optional(),
  LocalFirst: z.boolean().optional(),
});

const endpointSchema = dockerObject({
  Mode: word(["vip", "dnsrr"], (given) => `invalid resolution mode: "${given}"`),
  Ports: z
    .array(
      dockerObject({
        Name: z.string().optional(),
        Protocol: word(["tcp", "udp", "sctp"], (given) => `invalid protocol value "${given}"`),
        TargetPort: port.default(0),
        PublishedPort: port.optional(),
        PublishMode: word(["ingress", "host"], (given) => `invalid publish mode "${given}"`),
        Murmur: portOptions.optional(),
      }),
    )
    .max(65_536)
    .optional(),
  // Some clients send what an image exposes. Docker has no such field in a spec and never acts on it.
  ExposedPorts: z.unknown().optional(),
});

/** Murmur's own, so it is read strictly. */
const murmurSchema = z.strictObject({
  Stopped: z.boolean().optional(),
  Strategy: z.enum(STRATEGIES, `must be one of ${STRATEGIES.join(", ")}`).optional(),
  Devices: z
    .array(
      z.strictObject({
        PathOnHost: z.string().max(4_096),
        PathInContainer: z.string().max(4_096).optional(),
        CgroupPermissions: z.string().max(16).optional(),
      }),
    )
    .max(1_024)
    .optional(),
  Privileged: z.boolean().optional(),
  OnNodeLoss: z
    .strictObject({ Action: z.enum(["replace", "wait"]), After: count.optional() })
    .refine(({ Action, After = 0 }) => Action === "replace" || After === 0, "After: can't be given with wait")
    .optional(),
  Rebalance: z.enum(["on", "off"], "must be on or off").optional(),
});

export const serviceSchema = dockerObject(
  {
    Name: z.string().max(1_024).optional(),
    Labels: textMap.optional(),
    TaskTemplate: taskSchema,
    Mode: modeSchema.optional(),
    UpdateConfig: updateSchema.optional(),
    RollbackConfig: updateSchema.optional(),
    // The place of the networks before API 1.25; used when TaskTemplate has none.
    Networks: z.array(networkAttachment).max(1_024).optional(),
    EndpointSpec: endpointSchema.optional(),
    Murmur: murmurSchema.optional(),
  },
  { passOverLowerCase: true },
);

export type ServiceInput = z.infer<typeof serviceSchema>;
export type TaskInput = ServiceInput["TaskTemplate"];
export type UpdateInput = z.infer<typeof updateSchema>;
