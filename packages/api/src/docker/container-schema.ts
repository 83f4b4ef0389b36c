import { z } from "zod";
import { givenText } from "./given-text.ts";
import { dockerObject, unsupported } from "./lenient-object.ts";
import { privilegesSchema } from "./privileges.ts";
import { configReferences, secretReferences } from "./payload-reference.ts";

/** Bounds against nonsense; what a spec may hold is the model's to say. */
const LIST_MAX = 8_192;
const text = z.string().max(131_072);
export const textList = z.array(text).max(LIST_MAX);
export const textMap = z.record(z.string().max(1_024), text);
/** Go's durations have 64 bits: more than a number holds exactly beyond 104 days, where whole milliseconds still are. */
export const int64 = z
  .number()
  .refine((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 63, "expected int64, received another number");
/** A duration that Docker refuses with this when it is below 0. */
export const nanosOf = (refusal: string) => int64.nonnegative(refusal);
const nanos = int64.nonnegative();

export const driver = dockerObject({ Name: text.optional(), Options: textMap.optional() });

/** Why a mount of another kind of Docker's can't be had, and what can. */
const OTHER_KINDS: ReadonlyMap<unknown, string> = new Map([
  ["npipe", "named pipes are Windows's: mount a socket with type bind"],
  [
    "cluster",
    "Murmur has no cluster (CSI) volumes: use type volume with a VolumeOptions.DriverConfig of a plugin, or a bind mount of what all nodes have",
  ],
]);

const mountKind = z.enum(["bind", "volume", "tmpfs", "image"], {
  error: ({ input }) =>
    OTHER_KINDS.get(input) ?? `invalid MountType: "${givenText(input)}": must be bind, volume, tmpfs or image`,
});

const mount = dockerObject({
  Type: mountKind.default("bind"),
  Source: text.optional(),
  Target: text.optional(),
  ReadOnly: z.boolean().optional(),
  Consistency: unsupported(undefined, ["default", "consistent", "cached", "delegated"]),
  BindOptions: dockerObject({
    Propagation: z.enum(["", "private", "rprivate", "shared", "rshared", "slave", "rslave"]).optional(),
    NonRecursive: z.boolean().optional(),
    CreateMountpoint: z.boolean().optional(),
    ReadOnlyNonRecursive: z.boolean().optional(),
    ReadOnlyForceRecursive: z.boolean().optional(),
  }).optional(),
  VolumeOptions: dockerObject({
    NoCopy: z.boolean().optional(),
    Labels: textMap.optional(),
    DriverConfig: driver.optional(),
    Subpath: text.optional(),
  }).optional(),
  TmpfsOptions: dockerObject({
    SizeBytes: z.int().nonnegative().optional(),
    Mode: z.int().nonnegative().optional(),
    Options: unsupported(),
  }).optional(),
  ClusterOptions: unsupported(OTHER_KINDS.get("cluster")),
  ImageOptions: unsupported("a part of an image can't be mounted: mount all of it, and use the path in it"),
}).refine(
  ({ BindOptions: bind }) => bind?.ReadOnlyNonRecursive !== true || bind.ReadOnlyForceRecursive !== true,
  "BindOptions: ReadOnlyNonRecursive and ReadOnlyForceRecursive contradict each other",
);

/** 0 is the default; Docker takes nothing between that and a millisecond. */
const healthTime = (name: string) =>
  int64
    .refine((time) => time === 0 || time >= 1_000_000, `ContainerSpec: ${name} in HealthConfig cannot be less than 1ms`)
    .optional();

const healthcheck = dockerObject({
  Test: textList.optional(),
  Interval: healthTime("Interval"),
  Timeout: healthTime("Timeout"),
  StartPeriod: healthTime("StartPeriod"),
  StartInterval: healthTime("StartInterval"),
  Retries: z.int().nonnegative("ContainerSpec: Retries in HealthConfig cannot be negative").optional(),
});

export const containerSchema = dockerObject({
  Image: text.default(""),
  Labels: textMap.optional(),
  Command: textList.optional(),
  Args: textList.optional(),
  Hostname: text.optional(),
  Env: textList.optional(),
  Dir: text.optional(),
  User: text.optional(),
  Groups: textList.optional(),
  Privileges: privilegesSchema.optional(),
  TTY: z.boolean().optional(),
  OpenStdin: z.boolean().optional(),
  ReadOnly: z.boolean().optional(),
  Init: z.boolean().optional(),
  Mounts: z.array(mount).max(LIST_MAX).optional(),
  StopSignal: text.optional(),
  StopGracePeriod: nanos.optional(),
  Healthcheck: healthcheck.optional(),
  Hosts: textList.optional(),
  DNSConfig: dockerObject({
    Nameservers: textList.optional(),
    Search: textList.optional(),
    Options: textList.optional(),
  }).optional(),
  Secrets: secretReferences,
  Configs: configReferences,
  Isolation: unsupported("only Windows has isolation modes; leave it out", ["default"]),
  Sysctls: textMap.optional(),
  CapabilityAdd: textList.optional(),
  CapabilityDrop: textList.optional(),
  Ulimits: z
    .array(dockerObject({ Name: text.default(""), Soft: z.int().default(0), Hard: z.int().default(0) }))
    .max(LIST_MAX)
    .optional(),
  OomScoreAdj: z.int().optional(),
});

export type ContainerInput = z.infer<typeof containerSchema>;
export type MountInput = z.infer<typeof mount>;
