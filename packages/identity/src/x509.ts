import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject, type webcrypto } from "node:crypto";

type Library = typeof import("@peculiar/x509");

/**
 * The library that writes certificates, loaded when the first one is written: most processes (each CLI command, a node
 * between two renewals) never do. It needs the metadata polyfill to be there before it.
 */
export async function loadX509(): Promise<Library> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
export const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

export const isP256 = (key: KeyObject): boolean =>
  key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";

/** A private key as WebCrypto wants it, with its public half. */
export function keyPairOf(privateKeyPem: string): webcrypto.CryptoKeyPair {
  const privateKey = createPrivateKey(privateKeyPem);
  return {
    privateKey: privateKey.toCryptoKey(CURVE, false, ["sign"]),
    publicKey: createPublicKey(privateKeyPem).toCryptoKey(CURVE, true, ["verify"]),
  };
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
