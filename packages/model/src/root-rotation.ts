import type { Cluster, ClusterSecrets, NextRoot, StatementKey } from "./cluster.ts";
import { externalCasOf, type ExternalCa } from "./external-ca.ts";
import type { NodeCertificate } from "./node.ts";

/**
 * A root that is about to take the present one's place. Invariant: whatever certificate a node of the cluster may show,
 * each other one trusts its root. So a step is made only when all nodes have said that they are ready for it.
 *
 * - `trust`: all nodes are to trust the new root beside the present one. Certificates are those of the present one.
 * - `renew`: all do, and each is to get a certificate of the new root. Then the present one is dropped.
 */
export interface RootRotation {
  readonly phase: "trust" | "renew";
  /** Of the new root, as `NodeCertificate` has it. */
  readonly root: string;
  readonly caPem: string;
  /**
   * The new root's name and key, signed by the present one: whoever only knows that can follow a certificate to it. Left
   * out where the present root's key is an external CA's: then nobody can join by it in phase `renew`.
   */
  readonly crossPem?: string;
  /** Roots of rotations that this one has replaced, as far as nodes may have certificates of them; they stay trusted. */
  readonly replaced: readonly string[];
}

/** Rotations that may replace each other before one has come to its end. */
export const REPLACED_ROOTS_MAX = 4;

type Authority = Pick<Cluster, "caPem" | "rotation">;

/** The roots that all nodes are to trust, in PEM: the present one first. */
export const trustedRoots = ({ caPem, rotation }: Authority): readonly string[] => [
  ...new Set([caPem, ...(rotation === undefined ? [] : [...rotation.replaced, rotation.caPem])]),
];

/** The root that all nodes are to have a certificate of; undefined while that doesn't matter. */
export function wantedIssuer({ caPem, rotation }: Authority): string | undefined {
  if (rotation === undefined) return caPem;
  return rotation.phase === "renew" ? rotation.caPem : undefined;
}

/** What signs certificates, and the cluster's statements, now. */
export function signingRoot({ caPem, rotation, secrets }: Authority & { readonly secrets: ClusterSecrets }): {
  readonly certificatePem: string;
  /** Undefined: external CAs have it. */
  readonly keyPem: string | undefined;
  readonly statement: StatementKey | undefined;
} {
  if (rotation?.phase !== "renew" || secrets.next === undefined)
    return { certificatePem: caPem, keyPem: secrets.caKeyPem, statement: secrets.statement };
  return { certificatePem: rotation.caPem, keyPem: secrets.next.caKeyPem, statement: secrets.next.statement };
}

/** A root that only an external CA could sign with, and that has none among these; undefined: there is no such. */
export function rootWithoutSigner(
  { caPem, rotation, secrets }: Authority & { readonly secrets: ClusterSecrets },
  externalCas: readonly ExternalCa[] | undefined,
): "current" | "desired" | undefined {
  const isSigned = (root: string): boolean => externalCasOf(externalCas, { root, present: caPem }).length > 0;
  if (secrets.caKeyPem === undefined && !isSigned(caPem)) return "current";
  if (rotation !== undefined && secrets.next?.caKeyPem === undefined && !isSigned(rotation.caPem)) return "desired";
  return undefined;
}

/**
 * What nodes show behind a certificate that is signed now, each in PEM: so that those who know only the root of before, as
 * a join token does, can follow it to the new one. In the order in which TLS looks for a way.
 */
export const chainBehind = ({ caPem, rotation }: Authority): readonly string[] =>
  rotation?.phase !== "renew"
    ? [caPem]
    : [...(rotation.crossPem === undefined ? [] : [rotation.crossPem]), rotation.caPem, caPem];

/** Whether a node is ready for the rotation's next step. */
export function isReadyFor({ phase, root }: RootRotation, certificate: NodeCertificate | undefined): boolean {
  if (certificate === undefined) return false;
  const { trusts, issuer, statement = issuer } = certificate;
  return phase === "trust" ? trusts.includes(root) : issuer === root && statement === root;
}

/** What of the cluster changes when a rotation begins, in place of one that is under way, if there is one. */
export function beginRotation(
  cluster: Pick<Cluster, "rotation" | "secrets">,
  next: NextRoot,
): Pick<Cluster, "rotation" | "secrets"> {
  const { rotation: before, secrets } = cluster;
  const { root, caPem, crossPem, ...own } = next;
  const replaced = [...(before?.replaced ?? []), ...(before?.phase === "renew" ? [before.caPem] : [])];
  return {
    rotation: {
      phase: "trust",
      root,
      caPem,
      ...(crossPem !== undefined && { crossPem }),
      replaced: [...new Set(replaced)].filter((pem) => pem !== caPem),
    },
    secrets: { ...secrets, next: own },
  };
}

/** The new root is the present one, and join tokens are others: they name the root. */
export function endRotation({ rotation: _ended, ...cluster }: Cluster, { caPem }: RootRotation): Cluster {
  const { next, caKeyPem: _key, statement: _statement, ...secrets } = cluster.secrets;
  const { externalCas, ...spec } = cluster.spec;
  // Those that named no root meant the one of before.
  const meant = externalCas?.map((ca) => ({ ...ca, caPem: ca.caPem ?? cluster.caPem }));
  return {
    ...cluster,
    spec: { ...spec, ...(meant && { externalCas: meant }) },
    caPem,
    secrets: { ...secrets, ...next },
  };
}
