import { z } from "zod";
import { dockerObject, unsupported } from "./lenient-object.ts";

/** Bounds against nonsense; what a spec may hold is the model's to say. */
const LIST_MAX = 8_192;
const text = z.string().max(131_072);
export const textList = z.array(text).max(LIST_MAX);
export const textMap = z.record(z.string().max(1_024), text);
export const nanos = z.int().nonnegative();

export const driver = dockerObject({ Name: text.optional(), Options: textMap.optional() });

const mount = dockerObject({
  Type: z.enum(["bind", "volume", "tmpfs"], "must be bind, volume or tmpfs").default("bind"),
  Source: text.optional(),
  Target: text.optional(),
  ReadOnly: z.boolean().optional(),
  Consistency: unsupported(undefined, ["default", "consistent", "cached", "delegated"]),
  BindOptions: dockerObject({
    Propagation: z.enum(["", "private", "rprivate", "shared", "rshared", "slave", "rslave"]).optional(),
    NonRecursive: unsupported(),
    CreateMountpoint: unsupported(),
    ReadOnlyNonRecursive: unsupported(),
    ReadOnlyForceRecursive: unsupported(),
  }).optional(),
  VolumeOptions: dockerObject({
    NoCopy: z.boolean().optional(),
    Labels: textMap.optional(),
    DriverConfig: driver.optional(),
    Subpath: unsupported(),
  }).optional(),
  TmpfsOptions: dockerObject({
    SizeBytes: z.int().nonnegative().optional(),
    Mode: z.int().nonnegative().optional(),
    Options: unsupported(),
  }).optional(),
  ClusterOptions: unsupported(),
  ImageOptions: unsupported(),
});

const healthcheck = dockerObject({
  Test: textList.optional(),
  Interval: nanos.optional(),
  Timeout: nanos.optional(),
  StartPeriod: nanos.optional(),
  StartInterval: unsupported(),
  Retries: z.int().nonnegative().optional(),
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
  Privileges: unsupported(),
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
  Secrets: unsupported("Murmur doesn't keep secrets yet; leave it out"),
  Configs: unsupported("Murmur doesn't keep configs yet; leave it out"),
  Isolation: unsupported("only Windows has isolation modes; leave it out", ["default"]),
  Sysctls: textMap.optional(),
  CapabilityAdd: textList.optional(),
  CapabilityDrop: textList.optional(),
  Ulimits: z
    .array(dockerObject({ Name: text.default(""), Soft: z.int().default(0), Hard: z.int().default(0) }))
    .max(LIST_MAX)
    .optional(),
  OomScoreAdj: unsupported(),
});

export type ContainerInput = z.infer<typeof containerSchema>;
export type MountInput = z.infer<typeof mount>;
