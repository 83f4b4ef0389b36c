import { ClusterError, type Millis } from "@murmur/base";
import { createPrivateKey, randomBytes, type X509Certificate } from "node:crypto";
import { BACKDATE_MS, isKeyOf, parseCertificate, type Ca } from "./ca.ts";
import { withCrypto } from "./crypto-work.ts";
import {
  authorityKeyOf,
  isSigningKey,
  keyPairOf,
  loadX509,
  randomSerial,
  signatureOf,
  signedEvenly,
  subjectKeyOf,
} from "./x509.ts";

const DAY_MS: Millis = 24 * 60 * 60 * 1000;
/** As Docker: a root that ends sooner would have to be replaced again at once. */
const LEFT_LEAST_MS: Millis = 365 * DAY_MS;

/** The certificates of a text, each as it is in it, with a line's end behind it. None where there is none. */
export const certificatesIn = (pem: string): readonly string[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((one) => `${one}\n`);

/** What a root is called where its certificate would be too long: SHA-256 of it, `AB:CD:…`. Throws `corrupt` for no certificate. */
export const rootName = (pem: string): string => parseCertificate(pem).fingerprint256;

/** The root, of one or several in a text, that has signed a certificate. */
export function issuerIn(certificate: X509Certificate, roots: string): X509Certificate | undefined {
  return certificatesIn(roots)
    .map(parseCertificate)
    .find((root) => isSignedBy(certificate, root));
}

/** By the certificate, who was found to have signed it: neither can change. */
const signers = new WeakMap<X509Certificate, X509Certificate>();

function isSignedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  if (signers.get(certificate) === ca) return true;
  const isSigned = certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
  if (isSigned) signers.set(certificate, ca);
  return isSigned;
}

/** A root that a user brings with its key, as it is kept. Errors: those of `givenCertificate`, also for the key. */
export function givenRoot({ certificatePem, keyPem }: Ca, now: Millis): Ca {
  const text = givenCertificate(certificatePem, now);
  if (!isReadable(keyPem)) throw refused("its key can't be read; give it in PEM, without a passphrase");
  if (!isKeyOf(keyPem, readable(text))) throw refused("the key is not this certificate's");
  return { certificatePem: text, keyPem };
}

/**
 * The certificate of a root that a user brings, as it is kept. Errors: `invalid_argument` with what is wrong with it. Its
 * key may be ECDSA of 256 to 521 bits, or RSA of 2,048 at least.
 */
export function givenCertificate(certificatePem: string, now: Millis): string {
  const [text, ...more] = certificatesIn(certificatePem);
  if (text === undefined) throw refused("it has no certificate in PEM");
  if (more.length > 0)
    throw new ClusterError("invalid_argument", "the desired CA certificate cannot contain multiple certificates");
  const certificate = readable(text);
  if (!certificate.ca) throw refused("it is no authority's");
  if (!isSignedBy(certificate, certificate))
    throw refused("it is not signed by itself; give the root, not an intermediate one");
  if (now < certificate.validFromDate.getTime()) throw refused("it is not valid yet");
  if (certificate.validToDate.getTime() < now + LEFT_LEAST_MS)
    throw new ClusterError("invalid_argument", "CA certificate expires too soon: it must be good for another year");
  if (!isSigningKey(certificate.publicKey))
    throw refused("its key is neither ECDSA of 256 to 521 bits nor RSA of 2,048 bits or more");
  return text;
}

function readable(pem: string): X509Certificate {
  try {
    return parseCertificate(pem);
  } catch (error) {
    throw refused("it can't be read", error);
  }
}

function isReadable(keyPem: string): boolean {
  try {
    createPrivateKey(keyPem);
    return true;
  } catch {
    return false;
  }
}

const refused = (why: string, cause?: unknown): ClusterError =>
  new ClusterError("invalid_argument", `the desired CA certificate is refused: ${why}`, { cause });

/**
 * A root's name and key, signed by another one, in PEM: who only knows the other can follow a certificate of the root
 * through it. Good for as long as both are.
 */
export function crossSign(by: Ca, rootPem: string, now: Millis): Promise<string> {
  return withCrypto(async () => {
    const x509 = await loadX509();
    const root = new x509.X509Certificate(rootPem);
    const signer = new x509.X509Certificate(by.certificatePem);
    const authorityKey = await authorityKeyOf(signer);
    const subjectKey = await subjectKeyOf(root);
    const publicKey = await root.publicKey.export();
    const certificate = await signedEvenly(() =>
      x509.X509CertificateGenerator.create({
        serialNumber: randomSerial(randomBytes(16)),
        issuer: signer.subjectName,
        subject: root.subjectName,
        notBefore: new Date(now - BACKDATE_MS),
        notAfter: new Date(Math.min(root.notAfter.getTime(), signer.notAfter.getTime())),
        publicKey,
        signingKey: keyPairOf(by.keyPem).privateKey,
        signingAlgorithm: signatureOf(by.keyPem),
        extensions: [
          new x509.BasicConstraintsExtension(true, 0, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
          authorityKey,
          subjectKey,
        ],
      }),
    );
    return `${certificate.toString("pem").trimEnd()}\n`;
  });
}
