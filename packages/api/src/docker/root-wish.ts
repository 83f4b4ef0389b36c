import { X509Certificate } from "node:crypto";
import { ClusterError } from "@murmur/base";
import type { Cluster, ClusterSpec } from "@murmur/model";
import type { GivenRoot } from "../ports.ts";
import { parseWith } from "./lenient-object.ts";
import { swarmSchema } from "./swarm-schema.ts";

/** What an update says of the cluster's root. */
export type RootWish =
  { readonly kind: "none" } | { readonly kind: "new" } | { readonly kind: "given"; readonly root: GivenRoot };

/**
 * What an update of the cluster asks for: another root when `ForceRotate` is another number than before, as with Docker,
 * or when a root comes along that is neither the present one nor on its way already. Errors: `invalid_argument`.
 */
export function rootWish(
  body: unknown,
  { cluster, spec }: { readonly cluster: Cluster; readonly spec: ClusterSpec },
): RootWish {
  const { SigningCACert: cert = "", SigningCAKey: key = "" } = parseWith(swarmSchema, body).CAConfig ?? {};
  if (cert === "" && key !== "") {
    throw new ClusterError(
      "invalid_argument",
      "if a signing CA key is provided, the signing CA cert must also be provided",
    );
  }
  if (cert === "") return spec.forceRotate === cluster.spec.forceRotate ? { kind: "none" } : { kind: "new" };
  const { rotation, secrets } = cluster;
  if (isSame(cert, rotation?.caPem ?? cluster.caPem)) {
    const { caKeyPem } = rotation === undefined ? secrets : (secrets.next ?? {});
    if ((key !== "") === (caKeyPem !== undefined)) return { kind: "none" };
    throw new ClusterError(
      "invalid_argument",
      "the root stays the same, and so does who has its key: rotate to another root to change that",
    );
  }
  return { kind: "given", root: { certificatePem: cert, ...(key !== "" && { keyPem: key }) } };
}

/** Whether both are the same certificate; of what is none, says no. */
function isSame(left: string, right: string): boolean {
  try {
    return new X509Certificate(left).fingerprint256 === new X509Certificate(right).fingerprint256;
  } catch {
    return false;
  }
}
