import { beforeAll, describe, expect, it } from "vitest";
import { createNodeKey, NODE_VALIDITY_MS, type Ca } from "./ca.ts";
import { identityOf, newCa, NODE_B } from "./fixtures.ts";
import { parseIdentity, serializeIdentity, type NodeIdentity } from "./node-identity.ts";

let ca: Ca;
let identity: NodeIdentity;
beforeAll(async () => {
  ca = await newCa();
  identity = await identityOf(ca);
});

describe("a stored identity", () => {
  it("is read back as it was, through JSON", () => {
    const { gossipKeys, sealKeys, nodeId, clusterId, caPem, certificatePem, keyPem } = identity;
    expect(parseIdentity(JSON.parse(JSON.stringify(serializeIdentity(identity))))).toEqual({
      nodeId,
      clusterId,
      caPem,
      certificatePem,
      keyPem,
      gossipKeys,
      sealKeys,
    });
  });

  it("may be from before there were keys for secrets", () => {
    const { sealKeys: _, ...before } = serializeIdentity(identity);
    expect(parseIdentity(before).sealKeys).toEqual([]);
  });

  it("is accepted with an expired certificate", async () => {
    const expired = await identityOf(ca, { now: Date.now() - 2 * NODE_VALIDITY_MS });
    expect(parseIdentity(serializeIdentity(expired)).certificatePem).toBe(expired.certificatePem);
  });

  it("is refused when its parts do not belong together", async () => {
    const stored = serializeIdentity(identity);
    const other = await newCa();
    expect(() => parseIdentity({ ...stored, keyPem: "nonsense" })).toThrow("key does not belong");
    const keyPem = await createNodeKey();
    expect(() => parseIdentity({ ...stored, keyPem })).toThrow("key does not belong");
    expect(() => parseIdentity({ ...stored, nodeId: NODE_B })).toThrow("another node's");
    expect(() => parseIdentity({ ...stored, clusterId: "x" })).toThrow("another cluster");
    expect(() => parseIdentity({ ...stored, caPem: other.certificatePem })).toThrow("authority");
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["text", "identity"],
    ["another version", { version: 2 }],
    ["an empty record", { version: 1 }],
  ])("is refused when it is %s", (_name, stored) => {
    expect(() => parseIdentity(stored)).toThrow(expect.objectContaining({ code: "corrupt" }));
  });

  it("is refused when a field is missing or of another type", () => {
    const stored = serializeIdentity(identity);
    for (const name of Object.keys(stored)) {
      if (name !== "sealKeys") {
        expect(() => parseIdentity({ ...stored, [name]: undefined })).toThrow(
          expect.objectContaining({ code: "corrupt" }),
        );
      }
      expect(() => parseIdentity({ ...stored, [name]: 7 })).toThrow(expect.objectContaining({ code: "corrupt" }));
    }
    expect(() => parseIdentity({ ...stored, gossipKeys: [] })).toThrow("gossipKeys");
    expect(() => parseIdentity({ ...stored, gossipKeys: ["short"] })).toThrow("gossip key");
    expect(() => parseIdentity({ ...stored, sealKeys: ["short"] })).toThrow("a key of sealKeys is none");
  });
});
