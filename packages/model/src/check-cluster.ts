import type { Millis } from "@murmur/base";
import { boolean, integer, list, map, object, oneOf, optional, text, type Check } from "./check.ts";
import { logDriver } from "./check-service.ts";
import type {
  ClusterSecrets,
  ClusterSpec,
  NextRoot,
  RaftSettings,
  RebalancePolicy,
  RootSecrets,
  StatementKey,
} from "./cluster.ts";
import { EXTERNAL_CAS_MAX, type ExternalCa } from "./external-ca.ts";
import type { NamedGossipKey } from "./gossip-key.ts";
import type { SealKeyName } from "./seal-key.ts";
import { LIMITS } from "./limits.ts";
import { labels, objectName } from "./names.ts";
import { STRATEGIES } from "./service-spec.ts";

const ENTRIES_MAX = 2 ** 31;

export const pem: Check = text({ max: 65_536 });

const externalCa = object<ExternalCa>({
  protocol: oneOf(["cfssl"]),
  url: text({ max: 1_024, pattern: /^https:\/\/[!-~]+$/, says: "an address that begins with https://" }),
  options: optional(map(text({ max: 256 }), text({ max: 1_024 }))),
  caPem: optional(pem),
});

/** A step takes seconds: the next rotation is not to begin before one is over. */
const GOSSIP_KEY_ROTATION_LEAST_MS: Millis = 60_000;
const gossipKeyRotation: Check = (value, path, report) => {
  if (value !== 0) integer(GOSSIP_KEY_ROTATION_LEAST_MS, LIMITS.durationMs)(value, path, report);
};

export const cluster: Check = object<ClusterSpec>({
  name: objectName,
  labels,
  taskHistoryLimit: integer(0, 1_000),
  voters: oneOf([1, 3, 5, 7]),
  nodeCertificateValidityMs: integer(3_600_000, LIMITS.durationMs),
  forceRotate: optional(integer(0, Number.MAX_SAFE_INTEGER)),
  strategy: optional(oneOf(STRATEGIES)),
  rebalance: optional(
    object<RebalancePolicy>({
      movesAtOnce: integer(1, 1_000),
      calmMs: integer(1_000, LIMITS.durationMs),
      restMs: integer(1_000, LIMITS.durationMs),
    }),
  ),
  logDriver: optional(logDriver),
  raft: optional(
    object<RaftSettings>(
      {
        snapshotInterval: optional(integer(1, ENTRIES_MAX)),
        logEntriesForSlowFollowers: optional(integer(0, ENTRIES_MAX)),
        keepOldSnapshots: optional(integer(0, ENTRIES_MAX)),
        electionTick: optional(integer(1, 1_000_000)),
        heartbeatTick: optional(integer(1, 1_000_000)),
      },
      ({ electionTick = 10, heartbeatTick = 1 }, path, report) => {
        if (electionTick <= heartbeatTick) report(`${path}.electionTick`, "must be greater than heartbeatTick");
      },
    ),
  ),
  heartbeatPeriodMs: optional(integer(1, LIMITS.durationMs)),
  autolock: optional(boolean),
  gossipKeyRotationMs: optional(gossipKeyRotation),
  externalCas: optional(list(externalCa, EXTERNAL_CAS_MAX)),
});

export const joinSecret: Check = text({
  min: 1,
  max: 256,
  pattern: /^[!-~]+$/,
  says: "1 to 256 ASCII characters without space",
});

export const sealedUnlockKey: Check = text({ min: 1, max: 256, pattern: /^[A-Za-z0-9+/]+={0,2}$/, says: "base64" });

const roleSecrets = object<RootSecrets["roleSecrets"]>({ worker: joinSecret, manager: joinSecret });
const statement = optional(object<StatementKey>({ certificatePem: pem, keyPem: pem }));
const rootSecrets = { caKeyPem: optional(pem), statement, joinSecret, roleSecrets };

const gossipKey = text({ min: 1, max: 256 });

export const secrets: Check = object<ClusterSecrets>({
  caKeyPem: optional(pem),
  statement,
  joinSecret,
  roleSecrets: optional(roleSecrets),
  gossipKeys: list(gossipKey, 16),
  next: optional(object<RootSecrets>(rootSecrets)),
});

export const rootName: Check = text({ min: 1, max: 128, pattern: /^[0-9A-F:]+$/, says: "a fingerprint, AB:CD:…" });

export const gossipKeyName: Check = text({ min: 1, max: 64, pattern: /^[0-9a-f]+$/, says: "hexadecimal digits" });

export const namedGossipKey: Check = object<NamedGossipKey>({ name: gossipKeyName, key: gossipKey });

export const sealKeyDigest: Check = text({ min: 64, max: 64, pattern: /^[0-9a-f]+$/, says: "hexadecimal digits" });

export const sealKeyName: Check = object<SealKeyName>({ hint: integer(0, 255), digest: sealKeyDigest });

export const nextRoot: Check = object<NextRoot>({
  ...rootSecrets,
  root: rootName,
  caPem: pem,
  crossPem: optional(pem),
});
