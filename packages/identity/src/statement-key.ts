import type { KeyObject } from "node:crypto";
import { parseCertificate } from "./ca.ts";
import { certificatesIn, issuerIn } from "./root.ts";
import { subjectValue } from "./x509.ts";

/** The name in the certificate of the key that signs a cluster's statements where the root's own is not at hand. */
export const STATEMENT_NAME = "murmur-generation";

/**
 * The key of such a certificate, and the root among the trusted ones that has signed it. Undefined for a certificate that
 * is none, or another cluster's. Its dates don't count: what it has signed is good for as long as the root is trusted.
 */
export function statementKeyIn(
  certificatePem: string,
  { caPem, clusterId }: { readonly caPem: string; readonly clusterId: string },
): { readonly key: KeyObject; readonly root: string } | undefined {
  try {
    const certificate = parseCertificate(certificatePem);
    const root = certificatesIn(caPem).find((pem) => issuerIn(certificate, pem) !== undefined);
    const isNamed = subjectValue(certificate, "CN") === STATEMENT_NAME && subjectValue(certificate, "O") === clusterId;
    return root === undefined || certificate.ca || !isNamed ? undefined : { key: certificate.publicKey, root };
  } catch {
    return undefined;
  }
}
