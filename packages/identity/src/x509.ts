import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject, type webcrypto } from "node:crypto";

type Library = typeof import("@peculiar/x509");
type Certificate = InstanceType<Library["X509Certificate"]>;
type Extension = InstanceType<Library["Extension"]>;

/**
 * The library that writes certificates, loaded when the first one is written: most processes (each CLI command, a node
 * between two renewals) never do. It needs the metadata polyfill to be there before it.
 */
export const loadX509 = (): Promise<Library> => (library ??= importX509());

let library: Promise<Library> | undefined;

async function importX509(): Promise<Library> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

/** OpenSSL's names of the curves that an authority's key may be on, and WebCrypto's. */
const CURVES = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" } as const;
const RSA_BITS_LEAST = 2048;
export const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const RSA_SIGNATURE = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;

export const isP256 = (key: KeyObject): boolean =>
  key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";

const curveOf = (key: KeyObject): (typeof CURVES)[keyof typeof CURVES] | undefined => {
  const name = key.asymmetricKeyDetails?.namedCurve ?? "";
  return isCurve(name) ? CURVES[name] : undefined;
};
const isCurve = (name: string): name is keyof typeof CURVES => Object.hasOwn(CURVES, name);

/** Whether an authority may have such a key: nodes' own are always P-256. */
export const isSigningKey = (key: KeyObject): boolean =>
  curveOf(key) !== undefined ||
  (key.asymmetricKeyType === "rsa" && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS_LEAST);

/** How a private key signs. */
export const signatureOf = (privateKeyPem: string): typeof SIGNATURE | typeof RSA_SIGNATURE =>
  createPrivateKey(privateKeyPem).asymmetricKeyType === "rsa" ? RSA_SIGNATURE : SIGNATURE;

/** A private key as WebCrypto wants it, with its public half. */
export function keyPairOf(privateKeyPem: string): webcrypto.CryptoKeyPair {
  const privateKey = createPrivateKey(privateKeyPem);
  const namedCurve = curveOf(privateKey);
  const kind = namedCurve === undefined ? RSA_SIGNATURE : { name: "ECDSA", namedCurve };
  return {
    privateKey: privateKey.toCryptoKey(kind, false, ["sign"]),
    publicKey: createPublicKey(privateKeyPem).toCryptoKey(kind, true, ["verify"]),
  };
}

/** What certificates call the key of their authority: what that one's own certificate calls it, if anything. */
export async function authorityKeyOf(ca: Certificate): Promise<Extension> {
  const x509 = await loadX509();
  const own = ca.getExtension(x509.SubjectKeyIdentifierExtension);
  if (own === null) return x509.AuthorityKeyIdentifierExtension.create(ca.publicKey);
  return new x509.AuthorityKeyIdentifierExtension(own.keyId);
}

/** What a certificate calls its key, for another one of the same key. */
export async function subjectKeyOf(ca: Certificate): Promise<Extension> {
  const x509 = await loadX509();
  return ca.getExtension(x509.SubjectKeyIdentifierExtension) ?? x509.SubjectKeyIdentifierExtension.create(ca.publicKey);
}

/** What a signature of P-256 takes in DER, for half of them; by chance it is longer by a byte or shorter by one, seldom more. */
const USUAL_SIGNATURE_BYTES = 71;
const LONGEST_SIGNATURE_BYTES = 72;
const TRIES_MAX = 64;

/**
 * Signs again until the signature is of the usual length, twice in the mean. So certificates of one kind are equally long,
 * and all that they travel and lie in: a simulated cluster does the same each time. Signatures of other keys are as they
 * come.
 */
export async function signedEvenly<T extends { readonly signature: ArrayBuffer }>(make: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const made = await make();
    const { byteLength } = made.signature;
    if (byteLength === USUAL_SIGNATURE_BYTES || byteLength > LONGEST_SIGNATURE_BYTES || tries === TRIES_MAX)
      return made;
  }
}

/** A positive serial number of 127 random bits, in hex. */
export function randomSerial(random: Uint8Array): string {
  const bytes = Buffer.from(random);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}

/** The value of one attribute of a certificate's subject, such as CN; undefined unless there is exactly one. */
export function subjectValue(certificate: X509Certificate, attribute: string): string | undefined {
  const values = certificate.subject.split("\n").filter((line) => line.startsWith(`${attribute}=`));
  return values.length === 1 ? values[0]?.slice(attribute.length + 1) : undefined;
}
