import { X509Certificate } from "node:crypto";
import type { TLSInfo } from "./node-types.ts";

/** Of one cluster there is one CA: what was made of it last is what is asked for next. */
let last: { readonly pem: string; readonly info: TLSInfo } | undefined;

/** What Docker's clients are told of a cluster's CA. Of what is no certificate only the text. */
export function toTlsInfo(pem: string): TLSInfo {
  if (last?.pem !== pem) last = { pem, info: { TrustRoot: pem, ...issuerIn(pem) } };
  return { ...last.info };
}

function issuerIn(pem: string): Pick<TLSInfo, "CertIssuerSubject" | "CertIssuerPublicKey"> {
  try {
    const certificate = new X509Certificate(pem);
    return {
      CertIssuerSubject: subjectOf(certificate.raw).toString("base64"),
      CertIssuerPublicKey: certificate.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    };
  } catch {
    return {};
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
