import { ClusterError, type Millis, type NodeId } from "@murmur/base";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  hash,
  KeyObject,
  randomBytes,
  timingSafeEqual,
  X509Certificate,
} from "node:crypto";
import { promisify } from "node:util";
import { toBase36 } from "./base36.ts";
import { withCrypto } from "./crypto-work.ts";
import {
  authorityKeyOf,
  isP256,
  keyPairOf,
  loadX509,
  randomSerial,
  SIGNATURE,
  signatureOf,
  signedEvenly,
} from "./x509.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** How far behind the signer's clock another node's may be: each may be an hour off, one ahead and one behind. */
export const BACKDATE_MS = 2 * HOUR_MS;
export const CA_VALIDITY_MS = 20 * 365 * DAY_MS;
export const NODE_VALIDITY_MS = 90 * DAY_MS;
export const CA_DIGEST_LENGTH = 50;

/** A cluster's certificate authority. Whoever has the key can make nodes: it is in the managers' replicated state only. */
export interface Ca {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface CreateCaOptions {
  readonly clusterId: string;
  readonly now: Millis;
  readonly validityMs?: Millis;
}

/** A new P-256 private key, in PEM (PKCS #8). It never leaves the node that made it. */
export const createNodeKey = (): Promise<string> => withCrypto(makeKey);

async function makeKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The name, in a certificate and for TLS, of a node. */
export const peerName = (node: NodeId): string => `${node}.murmur`;

export function createCa(options: CreateCaOptions): Promise<Ca> {
  return withCrypto(() => makeCa(options));
}

async function makeCa(options: CreateCaOptions): Promise<Ca> {
  const { clusterId, now, validityMs = CA_VALIDITY_MS } = options;
  const keyPem = await makeKey();
  const keys = keyPairOf(keyPem);
  const x509 = await loadX509();
  const subjectKey = await x509.SubjectKeyIdentifierExtension.create(keys.publicKey);
  const certificate = await signedEvenly(() =>
    x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: randomSerial(randomBytes(16)),
      name: [{ O: [clusterId] }, { CN: ["murmur-ca"] }],
      notBefore: new Date(now - BACKDATE_MS),
      notAfter: new Date(now + validityMs),
      keys,
      signingAlgorithm: SIGNATURE,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        subjectKey,
      ],
    }),
  );
  return { certificatePem: `${certificate.toString("pem")}\n`, keyPem };
}

/** What a join token pins: SHA-256 of the CA's certificate (DER), in 50 characters of base 36. */
export function caDigest(certificatePem: string): string {
  return toBase36(hash("sha256", parseCertificate(certificatePem).raw, "buffer"), CA_DIGEST_LENGTH);
}

/** Whether a CA's certificate is the one that a token pins. */
export function checkCaDigest(certificatePem: string, digest: string): boolean {
  const actual = Buffer.from(caDigest(certificatePem));
  const expected = Buffer.from(digest);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

/** A request to sign a node's key, in PEM (PKCS #10), signed with that key. What else it says is not believed. */
export function createCsr(options: { readonly keyPem: string }): Promise<string> {
  return withCrypto(async () => {
    const x509 = await loadX509();
    const request = await signedEvenly(() =>
      x509.Pkcs10CertificateRequestGenerator.create({
        name: [{ CN: ["murmur-node"] }],
        keys: keyPairOf(options.keyPem),
        signingAlgorithm: SIGNATURE,
      }),
    );
    return request.toString("pem");
  });
}

export interface SignOptions {
  readonly ca: Ca;
  readonly csrPem: string;
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly now: Millis;
  readonly validityMs?: Millis;
}

/**
 * Makes a node's certificate, in PEM. Subject: the node's id and the cluster's; it is good for both ends of a TLS
 * connection. Rejects with `invalid_argument` when the request is not one that its key signed.
 */
export function signNodeCertificate({ nodeId, clusterId, ...options }: SignOptions): Promise<string> {
  return signSubject({ ...options, organization: clusterId, name: nodeId, host: peerName(nodeId) });
}

export interface SignSubjectOptions extends Omit<SignOptions, "nodeId" | "clusterId"> {
  readonly organization: string;
  readonly name: string;
  /** The name for TLS. */
  readonly host: string;
}

/** Makes a certificate as a node's, with another subject. Errors: those of `signNodeCertificate`. */
export function signSubject(options: SignSubjectOptions): Promise<string> {
  return withCrypto(() => sign(options));
}

async function sign(options: SignSubjectOptions): Promise<string> {
  const { ca, csrPem, organization, name, host, now, validityMs = NODE_VALIDITY_MS } = options;
  const x509 = await loadX509();
  const publicKey = await requestedKey(csrPem);
  const caCertificate = new x509.X509Certificate(ca.certificatePem);
  const notAfter = Math.min(now + validityMs, caCertificate.notAfter.getTime());
  const authorityKey = await authorityKeyOf(caCertificate);
  const subjectKey = await x509.SubjectKeyIdentifierExtension.create(publicKey);
  const certificate = await signedEvenly(() =>
    x509.X509CertificateGenerator.create({
      serialNumber: randomSerial(randomBytes(16)),
      issuer: caCertificate.subjectName,
      subject: [{ O: [organization] }, { CN: [name] }],
      notBefore: new Date(now - BACKDATE_MS),
      notAfter: new Date(notAfter),
      publicKey,
      signingKey: keyPairOf(ca.keyPem).privateKey,
      signingAlgorithm: signatureOf(ca.keyPem),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }]),
        authorityKey,
        subjectKey,
      ],
    }),
  );
  return certificate.toString("pem");
}

/** The public key (SPKI, DER) of a request that somebody else is to sign. Errors: those of `signNodeCertificate`. */
export function requestedKeyIn(csrPem: string): Promise<Buffer> {
  return withCrypto(async () => {
    const key = await requestedKey(csrPem);
    return KeyObject.from(key).export({ type: "spki", format: "der" });
  });
}

const CSR_LENGTH_MAX = 8 * 1024;

/** The key of a request, if the request was signed with it and it is of the kind that this cluster uses. */
async function requestedKey(csrPem: string): ReturnType<typeof publicKeyOf> {
  const refused = (why: string, cause?: unknown): ClusterError =>
    new ClusterError("invalid_argument", `the certificate request is refused: ${why}`, { cause });
  if (csrPem.length > CSR_LENGTH_MAX) throw refused("it is too long");
  const x509 = await loadX509();
  let signed: boolean;
  let key: Awaited<ReturnType<typeof publicKeyOf>>;
  try {
    const request = new x509.Pkcs10CertificateRequest(csrPem);
    signed = await request.verify();
    key = await publicKeyOf(Buffer.from(request.publicKey.rawData));
  } catch (error) {
    throw refused("it cannot be read, or its key is not of type P-256", error);
  }
  if (!signed) throw refused("it is not signed with its own key");
  return key;
}

async function publicKeyOf(der: Buffer) {
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  if (!isP256(key)) throw new Error("not a P-256 key");
  return key.toCryptoKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]);
}

/** When a certificate is valid, and when to ask for its successor: after half of the time for which it was signed. */
export interface CertificateTimes {
  readonly notBefore: Millis;
  readonly notAfter: Millis;
  readonly renewAt: Millis;
}

export function certificateTimes(certificatePem: string): CertificateTimes {
  const certificate = parseCertificate(certificatePem);
  const notBefore = certificate.validFromDate.getTime();
  const notAfter = certificate.validToDate.getTime();
  const lifeMs = notAfter - notBefore;
  // Of a short life most lies before the signing, but perhaps not where an external CA has signed. For the shortest that
  // a cluster may ask for, an hour, both are the same.
  const leftMs = Math.max((lifeMs - BACKDATE_MS) / 2, lifeMs / 6);
  return { notBefore, notAfter, renewAt: notAfter - leftMs };
}

/** The same few are read again with each connection: a cluster's roots, and what its nodes show. */
const REMEMBERED_MAX = 256;
const remembered = new Map<string, X509Certificate>();

/** Parses a certificate; throws `corrupt` when it is none. The same text may be the same object again: it can't be changed. */
export function parseCertificate(certificate: string | Uint8Array): X509Certificate {
  if (typeof certificate !== "string") return parse(certificate);
  const known = remembered.get(certificate);
  if (known !== undefined) return known;
  const parsed = parse(certificate);
  const [oldest] = remembered.keys();
  if (remembered.size === REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
  remembered.set(certificate, parsed);
  return parsed;
}

function parse(certificate: string | Uint8Array): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (error) {
    throw new ClusterError("corrupt", "the certificate cannot be read", { cause: error });
  }
}

/** Whether a private key belongs to a certificate. */
export function isKeyOf(keyPem: string, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}
