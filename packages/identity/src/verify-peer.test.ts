import { nodeId } from "@murmur/base";
import { beforeAll, describe, expect, it } from "vitest";
import { NODE_VALIDITY_MS, type Ca } from "./ca.ts";
import { CLUSTER, identityOf, newCa, NODE_A } from "./fixtures.ts";
import type { NodeIdentity } from "./node-identity.ts";
import { verifyPeer } from "./verify-peer.ts";

let ca: Ca;
let identity: NodeIdentity;
beforeAll(async () => {
  ca = await newCa();
  identity = await identityOf(ca);
});
const verify = (certificate: string | Uint8Array, now = Date.now(), clusterId = CLUSTER): string =>
  verifyPeer(certificate, { caPem: ca.certificatePem, clusterId, now });

describe("verifyPeer", () => {
  it("tells which node a certificate belongs to", () => {
    expect(verify(identity.certificatePem)).toBe(NODE_A);
  });

  it("refuses a foreign authority's, even of the same cluster name", async () => {
    const foreign = await identityOf(await newCa());
    expect(() => verify(foreign.certificatePem)).toThrow("another cluster's authority");
  });

  it("refuses an expired certificate and one from the future", () => {
    expect(() => verify(identity.certificatePem, Date.now() + NODE_VALIDITY_MS)).toThrow("expired");
    expect(() => verify(identity.certificatePem, Date.now() - 2 * 3_600_000 - 60_000)).toThrow("not valid yet");
  });

  it("refuses another cluster's, the authority's own, and one that names no node", async () => {
    const other = await identityOf(ca, { clusterId: "d".repeat(25) });
    expect(() => verify(other.certificatePem)).toThrow("another cluster");
    expect(() => verify(ca.certificatePem)).toThrow("authority's certificate");
    const nameless = await identityOf(ca, { nodeId: nodeId("Not-An-Id") });
    expect(() => verify(nameless.certificatePem)).toThrow("names no node");
  });

  it("refuses what is no certificate", () => {
    expect(() => verify("nonsense")).toThrow(expect.objectContaining({ code: "corrupt" }));
    expect(() => verify(new Uint8Array([1, 2, 3]))).toThrow("cannot be read");
  });
});
