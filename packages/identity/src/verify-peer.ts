import { ClusterError, isId, nodeId, type Millis, type NodeId } from "@murmur/base";
import { X509Certificate } from "node:crypto";
import { parseCertificate, peerName } from "./ca.ts";
import { issuerIn } from "./root.ts";
import { subjectValue } from "./x509.ts";

export interface VerifyOptions {
  /** The roots that are trusted: several while one takes the other's place. */
  readonly caPem: string;
  readonly clusterId: string;
  readonly now: Millis;
}

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

interface Facts extends VerifyOptions {
  readonly certificate: X509Certificate;
  /** The root that has signed it, if one of those has that are trusted. */
  readonly ca: X509Certificate | undefined;
}

/** What is wrong with a peer's certificate: the first row that applies. */
const REFUSALS: readonly (readonly [string, (facts: Facts) => boolean])[] = [
  ["it was signed by another cluster's authority", ({ ca }) => ca === undefined],
  ["it is an authority's certificate, not a node's", ({ certificate }) => certificate.ca],
  [
    "it is not valid yet; compare the clocks of the nodes",
    ({ certificate, now }) => now < certificate.validFromDate.getTime(),
  ],
  ["it has expired; let the node join again", ({ certificate, now }) => now >= certificate.validToDate.getTime()],
  ["it names another cluster", ({ certificate, clusterId }) => subjectValue(certificate, "O") !== clusterId],
  ["it names no node", ({ certificate }) => !namesNode(certificate)],
  ["it is not meant for both ends of a connection", ({ certificate }) => !isForBothEnds(certificate)],
];

/**
 * The node that a certificate (read, or PEM or DER) belongs to, which the TLS handshake has shown to hold the key. Throws
 * `unauthenticated` with the reason when the certificate is not one of this cluster's nodes, now.
 */
export function verifyPeer(certificate: X509Certificate | string | Uint8Array, options: VerifyOptions): NodeId {
  const parsed = certificate instanceof X509Certificate ? certificate : parseCertificate(certificate);
  const facts: Facts = { ...options, certificate: parsed, ca: issuerIn(parsed, options.caPem) };
  const refusal = REFUSALS.find(([, applies]) => applies(facts));
  if (refusal !== undefined)
    throw new ClusterError("unauthenticated", `the peer's certificate is refused: ${refusal[0]}`);
  return nodeId(subjectValue(parsed, "CN") ?? "");
}

function namesNode(certificate: X509Certificate): boolean {
  const name = subjectValue(certificate, "CN") ?? "";
  return isId(name) && certificate.subjectAltName === `DNS:${peerName(nodeId(name))}`;
}

function isForBothEnds(certificate: X509Certificate): boolean {
  const usages: readonly string[] = certificate.keyUsage ?? [];
  return usages.includes(CLIENT_AUTH) && usages.includes(SERVER_AUTH);
}
