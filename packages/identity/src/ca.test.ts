import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  caDigest,
  certificateTimes,
  checkCaDigest,
  createCa,
  createCsr,
  createNodeKey,
  NODE_VALIDITY_MS,
  signNodeCertificate,
  type Ca,
} from "./ca.ts";
import { CLUSTER, NODE_A } from "./fixtures.ts";
import { loadX509, SIGNATURE } from "./x509.ts";

const NOW = Date.UTC(2030, 0, 1);
const HOUR_MS = 3_600_000;
let ca: Ca;
beforeAll(async () => {
  ca = await createCa({ clusterId: CLUSTER, now: NOW });
});

async function sign(now = NOW, validityMs?: number): Promise<string> {
  const csrPem = await createCsr({ keyPem: await createNodeKey() });
  const options = { ca, csrPem, nodeId: NODE_A, clusterId: CLUSTER, now };
  return signNodeCertificate(validityMs === undefined ? options : { ...options, validityMs });
}

it("makes certificates and requests of one kind equally long", async () => {
  const lengths = async (make: () => Promise<string>): Promise<number> => {
    const made = await Promise.all(Array.from({ length: 24 }, make));
    return new Set(made.map((pem) => pem.length)).size;
  };
  expect(await lengths(async () => (await createCa({ clusterId: CLUSTER, now: NOW })).certificatePem)).toBe(1);
  expect(await lengths(() => sign())).toBe(1);
  expect(await lengths(async () => createCsr({ keyPem: await createNodeKey() }))).toBe(1);
});

describe("the authority", () => {
  it("is a self-signed authority for twenty years", () => {
    const certificate = new X509Certificate(ca.certificatePem);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toContain(`O=${CLUSTER}`);
    expect(certificate.validToDate.getUTCFullYear()).toBe(2049);
  });

  it("is pinned by its digest", async () => {
    const digest = caDigest(ca.certificatePem);
    expect(digest).toMatch(/^[0-9a-z]{50}$/);
    expect(checkCaDigest(ca.certificatePem, digest)).toBe(true);
    const other = await createCa({ clusterId: CLUSTER, now: NOW });
    expect(checkCaDigest(other.certificatePem, digest)).toBe(false);
    expect(checkCaDigest(ca.certificatePem, digest.slice(1))).toBe(false);
  });
});

describe("a node's certificate", () => {
  it("names node and cluster and is good for both ends of a connection", async () => {
    const certificate = new X509Certificate(await sign());
    expect(certificate.subject).toBe(`O=${CLUSTER}\nCN=${NODE_A}`);
    expect(certificate.subjectAltName).toBe(`DNS:${NODE_A}.murmur`);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
    expect(certificate.verify(new X509Certificate(ca.certificatePem).publicKey)).toBe(true);
  });

  it("begins two hours early, for clocks that are an hour off, and is to be renewed after half of its time", async () => {
    const times = certificateTimes(await sign());
    expect(times.notBefore).toBe(NOW - 2 * HOUR_MS);
    expect(times.notAfter).toBe(NOW + NODE_VALIDITY_MS);
    expect(times.renewAt).toBe(NOW + NODE_VALIDITY_MS / 2);
  });

  it.each([1, 2, 24])("of %i hours is to be renewed after half of them, not at once", async (hours) => {
    expect(certificateTimes(await sign(NOW, hours * HOUR_MS)).renewAt).toBe(NOW + (hours * HOUR_MS) / 2);
  });

  it("never outlives the authority", async () => {
    const end = certificateTimes(ca.certificatePem).notAfter;
    expect(certificateTimes(await sign(end - 1000)).notAfter).toBe(end);
  });

  it("has a serial number of its own", async () => {
    const [a, b] = [new X509Certificate(await sign()), new X509Certificate(await sign())];
    expect(a.serialNumber).not.toBe(b.serialNumber);
  });
});

describe("a certificate request", () => {
  const signed = (csrPem: string): Promise<string> =>
    signNodeCertificate({ ca, csrPem, nodeId: NODE_A, clusterId: CLUSTER, now: NOW });

  it("is refused when it cannot be read, or is too long", async () => {
    await expect(signed("nonsense")).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(signed("x".repeat(9000))).rejects.toThrow("too long");
  });

  it("is refused when another key signed it", async () => {
    const x509 = await loadX509();
    const request = new x509.Pkcs10CertificateRequest(await createCsr({ keyPem: await createNodeKey() }));
    const bytes = Buffer.from(request.rawData);
    const last = bytes.length - 1;
    bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last);
    await expect(signed(new x509.Pkcs10CertificateRequest(bytes).toString("pem"))).rejects.toThrow(
      "not signed with its own key",
    );
  });

  it("is refused when its key is of another kind", async () => {
    const x509 = await loadX509();
    const curve = { name: "ECDSA", namedCurve: "P-384" };
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const keys = {
      privateKey: privateKey.toCryptoKey(curve, false, ["sign"]),
      publicKey: publicKey.toCryptoKey(curve, true, ["verify"]),
    };
    const request = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: SIGNATURE });
    await expect(signed(request.toString("pem"))).rejects.toThrow("P-256");
  });
});
