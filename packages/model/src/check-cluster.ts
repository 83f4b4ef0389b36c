import { integer, list, object, oneOf, optional, text, type Check } from "./check.ts";
import { logDriver } from "./check-service.ts";
import type { ClusterSecrets, ClusterSpec } from "./cluster.ts";
import { LIMITS } from "./limits.ts";
import { labels, objectName } from "./names.ts";

export const cluster: Check = object<ClusterSpec>({
  name: objectName,
  labels,
  taskHistoryLimit: integer(0, 1_000),
  voters: oneOf([1, 3, 5, 7]),
  nodeCertificateValidityMs: integer(3_600_000, LIMITS.durationMs),
  logDriver: optional(logDriver),
});

export const joinSecret: Check = text({
  min: 1,
  max: 256,
  pattern: /^[!-~]+$/,
  says: "1 to 256 ASCII characters without space",
});

export const pem: Check = text({ max: 65_536 });

export const secrets: Check = object<ClusterSecrets>({
  caKeyPem: pem,
  joinSecret,
  gossipKeys: list(text({ min: 1, max: 256 }), 16),
});
