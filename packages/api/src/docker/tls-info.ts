import { X509Certificate } from "node:crypto";
import { trustedRoots, wantedIssuer, type Cluster, type NodeCertificate } from "@murmur/model";
import type { TLSInfo } from "./node-types.ts";

type Authority = Pick<Cluster, "caPem" | "rotation">;

interface Root {
  readonly name: string | undefined;
  readonly issuer: Pick<TLSInfo, "CertIssuerSubject" | "CertIssuerPublicKey">;
}

/** A cluster has few roots: what was made of them is what is asked for next. The oldest is dropped at the limit. */
const KNOWN_MAX = 16;
const known = new Map<string, Root>();

/** The cluster's: the root that is trusted, and the one that certificates are to be of, which is another in a rotation. */
export function toTlsInfo(cluster: Authority): TLSInfo {
  const { caPem, rotation } = cluster;
  const issuer = rotation?.caPem ?? wantedIssuer(cluster) ?? caPem;
  return { TrustRoot: caPem, ...rootOf(issuer).issuer };
}

/** A node's, as far as it has said what it has. In the middle of a rotation it trusts several roots, the present one first. */
export function toNodeTlsInfo(certificate: NodeCertificate | undefined, cluster: Authority | undefined): TLSInfo {
  if (certificate === undefined || cluster === undefined) return {};
  const roots = trustedRoots(cluster);
  const issuer = roots.find((pem) => rootOf(pem).name === certificate.issuer);
  const trusted = roots.filter((pem) => certificate.trusts.includes(rootOf(pem).name ?? ""));
  // One that trusts a root that the cluster has dropped is not there yet.
  const isKnown = trusted.length > 0 && trusted.length === certificate.trusts.length;
  return {
    ...(isKnown && { TrustRoot: trusted[0] === cluster.caPem ? cluster.caPem : trusted.join("") }),
    ...(issuer !== undefined && rootOf(issuer).issuer),
  };
}

/** Of what is no certificate nothing. */
function rootOf(pem: string): Root {
  const made = known.get(pem) ?? read(pem);
  known.delete(pem);
  known.set(pem, made);
  for (const oldest of known.keys()) {
    if (known.size <= KNOWN_MAX) break;
    known.delete(oldest);
  }
  return made;
}

function read(pem: string): Root {
  try {
    const certificate = new X509Certificate(pem);
    return {
      name: certificate.fingerprint256,
      issuer: {
        CertIssuerSubject: subjectOf(certificate.raw).toString("base64"),
        CertIssuerPublicKey: certificate.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
      },
    };
  } catch {
    return { name: undefined, issuer: {} };
  }
}

const SEQUENCE = 0x30;
const EXPLICIT_VERSION = 0xa0;

/** The subject of a certificate, as it is in it (RFC 5280, 4.1): the sixth part, or the fifth where there is no version. */
function subjectOf(certificate: Buffer): Buffer {
  const outer = elementAt(certificate, 0);
  const body = elementAt(certificate, outer.contentAt);
  let at = body.contentAt;
  let before = certificate[at] === EXPLICIT_VERSION ? 5 : 4;
  for (; before > 0; before -= 1) at = elementAt(certificate, at).end;
  const { end } = elementAt(certificate, at);
  if (certificate[at] !== SEQUENCE) throw new Error("no subject");
  return certificate.subarray(at, end);
}

/** Where an element of DER has its content, and where it ends. Throws when it doesn't fit into the bytes. */
function elementAt(der: Buffer, at: number): { readonly contentAt: number; readonly end: number } {
  const first = der.readUInt8(at + 1);
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  const length = lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes);
  const contentAt = at + 2 + lengthBytes;
  if (contentAt + length > der.length) throw new Error("DER that is cut off");
  return { contentAt, end: contentAt + length };
}
