import { EXTERNAL_CAS_MAX, STRATEGIES } from "@murmur/model";
import { z } from "zod";
import { driver, int64, nanosOf, textMap } from "./container-schema.ts";
import { dockerObject } from "./lenient-object.ts";

/** What Docker's daemon reports by default. */
export const DOCKER_DEFAULTS = {
  SnapshotInterval: 10_000,
  LogEntriesForSlowFollowers: 500,
  ElectionTick: 10,
  HeartbeatTick: 1,
  HeartbeatPeriod: 5_000_000_000,
} as const;

/** As Docker's merge of a spec: 0 says nothing. */
const count = z.int().nonnegative().optional();

const HOUR_NANOS = 3_600_000_000_000;

const pem = z.string().max(65_536).optional();

export const externalCa = dockerObject({
  Protocol: z
    .string()
    .transform((name) => name.toLowerCase())
    .pipe(z.literal("cfssl", "invalid protocol: it must be cfssl")),
  URL: z
    .string()
    .max(1_024)
    .refine(
      (url) => URL.canParse(url) && new URL(url).protocol === "https:",
      "invalid HTTP scheme: give https://HOST:PORT/api/v1/cfssl/sign",
    ),
  Options: textMap.optional(),
  CACert: pem,
});

export const swarmSchema = dockerObject(
  {
    Name: z.string().max(1_024).optional(),
    Labels: textMap.optional(),
    Orchestration: dockerObject({ TaskHistoryRetentionLimit: z.int().nonnegative().optional() }).optional(),
    Raft: dockerObject({
      SnapshotInterval: count,
      KeepOldSnapshots: count,
      LogEntriesForSlowFollowers: count,
      ElectionTick: count,
      HeartbeatTick: count,
    }).optional(),
    Dispatcher: dockerObject({
      HeartbeatPeriod: nanosOf("heartbeat time period cannot be a negative duration").optional(),
    }).optional(),
    CAConfig: dockerObject({
      NodeCertExpiry: int64
        .refine((expiry) => expiry === 0 || expiry >= HOUR_NANOS, "minimum certificate expiry time is: 1h0m0s")
        .optional(),
      ExternalCAs: z.array(externalCa).max(EXTERNAL_CAS_MAX).optional(),
      SigningCACert: pem,
      SigningCAKey: pem,
      ForceRotate: count,
    }).optional(),
    EncryptionConfig: dockerObject({ AutoLockManagers: z.boolean().optional() }).optional(),
    TaskDefaults: dockerObject({ LogDriver: driver.optional() }).optional(),
    // Docker's first swarm mode had policies here; its clients still send them, and Docker passes over them.
    AcceptancePolicy: z.unknown().optional(),
    Murmur: z
      .strictObject({
        Voters: z.union([z.literal(1), z.literal(3), z.literal(5), z.literal(7)]).optional(),
        Strategy: z.enum(STRATEGIES, `must be one of ${STRATEGIES.join(", ")}`).optional(),
        GossipKeyRotation: nanosOf("the rotation of the gossip key cannot be a negative duration").optional(),
        Rebalance: z
          .strictObject({
            Policy: z.enum(["on", "off"], "must be on or off").optional(),
            MovesAtOnce: count.optional(),
            Calm: count.optional(),
            Rest: count.optional(),
          })
          .optional(),
      })
      .optional(),
  },
  { passOverLowerCase: true },
);

const availability = z.enum(["", "active", "pause", "drain"], "must be active, pause or drain").optional();
const address = z.string().max(300).optional();
/** One network carries everything between nodes. */
const dataPathAddr = z
  .string()
  .max(300)
  .superRefine((text, context) => {
    if (text === "") return;
    const isNone = /^(?:0\.0\.0\.0|\[?::\]?)(?::\d+)?$/.test(text);
    const none = "data path address must be a non-zero IP, and is the advertised address anyway; leave it out";
    const other = "Murmur uses the advertised address for all traffic; leave it out";
    context.addIssue({ code: "custom", message: isNone ? none : other });
  })
  .optional();

export const initSchema = dockerObject(
  {
    ListenAddr: address,
    AdvertiseAddr: address,
    DataPathAddr: dataPathAddr,
    DataPathPort: z.int().nonnegative().optional(),
    DefaultAddrPool: z.array(z.string().max(64)).max(16).optional(),
    SubnetSize: z.int().min(0).max(32).optional(),
    ForceNewCluster: z.boolean().optional(),
    AutoLockManagers: z.boolean().optional(),
    Availability: availability,
    Spec: swarmSchema.optional(),
    Murmur: z.strictObject({ DataPlane: z.enum(["ports", "overlay"], "must be ports or overlay") }).optional(),
  },
  { passOverLowerCase: true },
);

export const joinSchema = dockerObject(
  {
    ListenAddr: address,
    AdvertiseAddr: address,
    DataPathAddr: dataPathAddr,
    RemoteAddrs: z.array(z.string().min(1).max(300)).max(64).default([]),
    JoinToken: z.string().max(1_024).default(""),
    Availability: availability,
  },
  { passOverLowerCase: true },
);

export const unlockSchema = dockerObject({ UnlockKey: z.string().max(256).optional() }, { passOverLowerCase: true });

export type SwarmInput = z.infer<typeof swarmSchema>;
