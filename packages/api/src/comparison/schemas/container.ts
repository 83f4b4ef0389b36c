import { z } from "zod";
import { count, driver, list, texts } from "./fields.ts";

const bind = z.strictObject({
  Propagation: z.enum(["private", "rprivate", "shared", "rshared", "slave", "rslave"]).optional(),
  NonRecursive: z.boolean().optional(),
  CreateMountpoint: z.boolean().optional(),
  ReadOnlyNonRecursive: z.boolean().optional(),
  ReadOnlyForceRecursive: z.boolean().optional(),
});
const volume = z.strictObject({
  NoCopy: z.boolean().optional(),
  Labels: texts.optional(),
  DriverConfig: driver.partial().optional(),
  Subpath: z.string().optional(),
});

const mount = z.strictObject({
  Type: z.enum(["bind", "cluster", "image", "npipe", "tmpfs", "volume"]),
  Source: z.string().optional(),
  Target: z.string().optional(),
  ReadOnly: z.boolean().optional(),
  Consistency: z.string().optional(),
  BindOptions: bind.optional(),
  VolumeOptions: volume.optional(),
  TmpfsOptions: z.strictObject({ SizeBytes: count.optional(), Mode: count.optional() }).optional(),
});

const selinux = z.strictObject({
  Disable: z.boolean(),
  User: z.string(),
  Role: z.string(),
  Type: z.string(),
  Level: z.string(),
});
const file = z.strictObject({ Name: z.string(), UID: z.string(), GID: z.string(), Mode: count });

export const containerSpec = z.strictObject({
  Image: z.string(),
  Labels: texts.optional(),
  Command: z.array(z.string()).optional(),
  Args: z.array(z.string()).optional(),
  Hostname: z.string().optional(),
  Env: z.array(z.string()).optional(),
  Dir: z.string().optional(),
  User: z.string().optional(),
  Groups: z.array(z.string()).optional(),
  Privileges: z
    .strictObject({
      CredentialSpec: z.null(),
      SELinuxContext: selinux.nullable(),
      Seccomp: z
        .strictObject({ Mode: z.enum(["default", "unconfined", "custom"]), Profile: z.base64().optional() })
        .optional(),
      AppArmor: z.strictObject({ Mode: z.enum(["default", "disabled"]) }).optional(),
      NoNewPrivileges: z.boolean().optional(),
    })
    .optional(),
  TTY: z.boolean().optional(),
  OpenStdin: z.boolean().optional(),
  ReadOnly: z.boolean().optional(),
  Mounts: z.array(mount).optional(),
  StopSignal: z.string().optional(),
  StopGracePeriod: count.optional(),
  Healthcheck: z
    .strictObject({
      Test: z.array(z.string()).optional(),
      Interval: count.optional(),
      Timeout: count.optional(),
      Retries: count.optional(),
      StartPeriod: count.optional(),
      StartInterval: count.optional(),
    })
    .optional(),
  Hosts: z.array(z.string()).optional(),
  DNSConfig: z
    .strictObject({
      Nameservers: z.array(z.string()).optional(),
      Search: z.array(z.string()).optional(),
      Options: z.array(z.string()).optional(),
    })
    .optional(),
  Secrets: list(z.strictObject({ File: file, SecretID: z.string(), SecretName: z.string() })).optional(),
  OomScoreAdj: z.int().optional(),
  Configs: list(z.strictObject({ File: file, ConfigID: z.string(), ConfigName: z.string() })).optional(),
  Isolation: z.enum(["default", "process", "hyperv", ""]).optional(),
  Init: z.boolean().nullable().optional(),
  Sysctls: texts.optional(),
  CapabilityAdd: z.array(z.string()).optional(),
  CapabilityDrop: z.array(z.string()).optional(),
  Ulimits: z.array(z.strictObject({ Name: z.string(), Soft: z.int(), Hard: z.int() })).optional(),
});
