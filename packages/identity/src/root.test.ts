import { execFileSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { createCa, parseCertificate, type Ca } from "./ca.ts";
import { CLUSTER, identityOf, newCa } from "./fixtures.ts";
import { certificatesIn, crossSign, givenRoot, issuerIn, rootName } from "./root.ts";
import { verifyPeer } from "./verify-peer.ts";
import { loadX509 } from "./x509.ts";

const YEAR_MS = 365 * 24 * 3_600_000;
const now = Date.now();
let first: Ca;
let second: Ca;
beforeAll(async () => {
  [first, second] = await Promise.all([newCa(), newCa()]);
});

/** A root as others make them: without a key's name, and with a subject of its own. */
async function foreign(
  key: ReturnType<typeof generateKeyPairSync>,
  { days = 3_650, isAuthority = true }: { readonly days?: number; readonly isAuthority?: boolean } = {},
): Promise<Ca> {
  const x509 = await loadX509();
  const isRsa = key.privateKey.asymmetricKeyType === "rsa";
  const namedCurve = { prime256v1: "P-256", secp384r1: "P-384" }[key.privateKey.asymmetricKeyDetails?.namedCurve ?? ""];
  const kind = isRsa ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } : { name: "ECDSA", namedCurve };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "C=CH, O=Example Ltd, CN=our root",
    notBefore: new Date(now - YEAR_MS),
    notAfter: new Date(now + days * 24 * 3_600_000),
    keys: {
      privateKey: key.privateKey.toCryptoKey(kind, true, ["sign"]),
      publicKey: key.publicKey.toCryptoKey(kind, true, ["verify"]),
    },
    signingAlgorithm: isRsa ? kind : { name: "ECDSA", hash: "SHA-256" },
    extensions: [new x509.BasicConstraintsExtension(isAuthority, undefined, true)],
  });
  const keyPem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { certificatePem: certificate.toString("pem"), keyPem };
}

const KEYS = {
  "P-256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  "P-384": () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  RSA: () => generateKeyPairSync("rsa", { modulusLength: 2_048 }),
};

/** Whether a TLS client that trusts `caPem` takes the certificate of a server, as OpenSSL sees it. */
async function handshake(shown: { cert: string; key: string }, caPem: string): Promise<boolean> {
  const server = createServer({ ...shown, minVersion: "TLSv1.3" });
  server.on("tlsClientError", () => {});
  // The client leaves as soon as it knows: what the server still writes may be answered with a reset.
  server.on("secureConnection", (socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    return await new Promise((resolve) => {
      const socket = connect({ port, host: "127.0.0.1", ca: caPem, checkServerIdentity: () => undefined }, () => {
        resolve(socket.authorized);
        socket.destroy();
      });
      socket.on("error", () => resolve(false));
    });
  } finally {
    server.close();
  }
}

describe("a root", () => {
  it("is named by its certificate, whatever is around that", () => {
    const text = `about it\n${first.certificatePem.trim()}\r\n\n${second.certificatePem}`;
    expect(certificatesIn(text).map(rootName)).toEqual([first, second].map((ca) => rootName(ca.certificatePem)));
    expect(rootName(first.certificatePem)).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(certificatesIn("nothing")).toEqual([]);
  });

  it("is trusted beside another one, and tells whose certificate is whose", async () => {
    const [old, young] = [await identityOf(first), await identityOf(second)];
    const both = `${first.certificatePem}${second.certificatePem}`;
    for (const { certificatePem, nodeId } of [old, young])
      expect(verifyPeer(certificatePem, { caPem: both, clusterId: CLUSTER, now: now + 1_000 })).toBe(nodeId);
    const alone = { caPem: second.certificatePem, clusterId: CLUSTER, now: now + 1_000 };
    expect(() => verifyPeer(old.certificatePem, alone)).toThrow(/another cluster's authority/);
    const issuer = issuerIn(parseCertificate(young.certificatePem), both);
    expect(issuer?.fingerprint256).toBe(rootName(second.certificatePem));
    expect(issuerIn(parseCertificate(young.certificatePem), first.certificatePem)).toBeUndefined();
    for (const { certificatePem: cert, keyPem: key } of [old, young])
      expect(await handshake({ cert, key }, both)).toBe(true);
    expect(await handshake({ cert: old.certificatePem, key: old.keyPem }, second.certificatePem)).toBe(false);
  });

  it("can be followed to from the one that has signed it, also by OpenSSL", async () => {
    const { certificatePem, keyPem } = await identityOf(second);
    const crossPem = await crossSign(first, second.certificatePem, now);
    const cross = new X509Certificate(crossPem);
    expect(cross.checkIssued(new X509Certificate(first.certificatePem))).toBe(true);
    expect(new X509Certificate(certificatePem).verify(cross.publicKey)).toBe(true);
    // What a node shows while the root is rotated: those who know either take it.
    const cert = [certificatePem, crossPem, second.certificatePem, first.certificatePem]
      .map((pem) => pem.trim())
      .join("\n");
    for (const { certificatePem: caPem } of [first, second])
      expect(await handshake({ cert, key: keyPem }, caPem)).toBe(true);
  });

  it.each(Object.keys(KEYS) as (keyof typeof KEYS)[])("may be a user's own with a key of %s", async (kind) => {
    const given = await foreign(KEYS[kind]());
    const root = givenRoot(given, now);
    const identity = await identityOf(root);
    expect(
      verifyPeer(identity.certificatePem, { caPem: root.certificatePem, clusterId: CLUSTER, now: now + 1_000 }),
    ).toBe(identity.nodeId);
    expect(await handshake({ cert: identity.certificatePem, key: identity.keyPem }, root.certificatePem)).toBe(true);
    // To it, and away from it again.
    for (const [by, of] of [
      [first, root],
      [root, first],
    ] as const) {
      const cross = new X509Certificate(await crossSign(by, of.certificatePem, now));
      expect(cross.verify(new X509Certificate(by.certificatePem).publicKey)).toBe(true);
      expect(cross.checkIssued(new X509Certificate(by.certificatePem))).toBe(true);
    }
  });

  it("of openssl's making is taken, with the key's name that it gives", async () => {
    const folder = mkdtempSync(join(tmpdir(), "murmur-root-"));
    const [cert, key] = [join(folder, "cert"), join(folder, "key")];
    const subject = ["-days", "3650", "-subj", "/CN=newRoot", "-out", cert, "-keyout", key];
    const options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", ...subject];
    execFileSync("openssl", ["req", "-x509", ...options], { stdio: "ignore" });
    const [certificatePem, keyPem] = [readFileSync(cert, "utf8"), readFileSync(key, "utf8")];
    rmSync(folder, { recursive: true });
    const root = givenRoot({ certificatePem, keyPem }, Date.now() + 1_000);
    const identity = await identityOf(root);
    expect(await handshake({ cert: identity.certificatePem, key: identity.keyPem }, root.certificatePem)).toBe(true);
  });

  it("is refused with what is wrong with it", async () => {
    const good = await foreign(KEYS["P-256"]());
    const other = await foreign(KEYS["P-256"]());
    const refusal =
      (given: Ca): (() => unknown) =>
      () =>
        givenRoot(given, now);
    expect(refusal({ ...good, certificatePem: "nonsense" })).toThrow(/no certificate in PEM/);
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect(refusal({ ...good, certificatePem: broken })).toThrow(/can't be read/);
    expect(refusal({ ...good, certificatePem: good.certificatePem.repeat(2) })).toThrow(/cannot contain multiple/);
    expect(refusal({ ...good, keyPem: other.keyPem })).toThrow(/the key is not this certificate's/);
    expect(refusal({ ...good, keyPem: "secret" })).toThrow(/can't be read; give it in PEM/);
    expect(refusal(await foreign(KEYS.RSA(), { days: 300 }))).toThrow(/expires too soon/);
    expect(refusal(await foreign(KEYS["P-256"](), { isAuthority: false }))).toThrow(/no authority's/);
    expect(refusal(await foreign(generateKeyPairSync("rsa", { modulusLength: 1_024 })))).toThrow(/RSA of 2,048/);
    const future = await createCa({ clusterId: CLUSTER, now: now + 2 * YEAR_MS });
    expect(refusal(future)).toThrow(/not valid yet/);
    const intermediate = { certificatePem: await crossSign(first, second.certificatePem, now), keyPem: second.keyPem };
    expect(refusal(intermediate)).toThrow(/not signed by itself/);
  });
});
