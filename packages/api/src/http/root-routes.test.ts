import { beforeEach, describe, expect, it } from "vitest";
import type { Node } from "../docker/node-types.ts";
import type { Info, Swarm, SwarmSpec } from "../docker/swarm-types.ts";
import { Asker } from "../testing/asker.ts";
import { NODE_ONE } from "../testing/memory-cluster.ts";
import { TEST_ROOTS } from "../testing/test-roots.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

const swarm = async (): Promise<Swarm> => (await asker.ask<Swarm>("/swarm")).body;
const record = () => asker.ports.replica?.store.view.cluster() ?? expect.fail("there is a cluster");

async function update(CAConfig: SwarmSpec["CAConfig"]) {
  const { Version, Spec } = await swarm();
  const body = { ...Spec, CAConfig: { ...Spec.CAConfig, ...CAConfig } };
  return asker.ask<{ message: string }>(`/swarm/update?version=${String(Version.Index)}`, "POST", body);
}

describe("the cluster's root", () => {
  it("is rotated when another number comes along, once, and shown to be", async () => {
    expect((await swarm()).RootRotationInProgress).toBe(false);
    expect((await update({ ForceRotate: 1 })).status).toBe(200);
    const { rotation } = record();
    expect(rotation).toMatchObject({ phase: "trust", root: "AA:1" });
    const { RootRotationInProgress, Spec, JoinTokens } = await swarm();
    expect([RootRotationInProgress, Spec.CAConfig?.ForceRotate]).toEqual([true, 1]);
    expect(JoinTokens.Worker).toContain("first-secret");
    // What a client sends back as it was shown it asks for nothing, nor does one that doesn't know of it.
    expect((await update({})).status).toBe(200);
    const { Version, Spec: whole } = await swarm();
    const { CAConfig: _unknown, ...rest } = whole;
    expect((await asker.ask(`/swarm/update?version=${String(Version.Index)}`, "POST", rest)).status).toBe(200);
    expect(record().rotation).toEqual(rotation);
    expect((await update({ ForceRotate: 2 })).status).toBe(200);
    expect(record().rotation?.root).toBe("AA:2");
    const info = (await asker.ask<Info>("/info")).body;
    expect(info.Swarm.Cluster?.RootRotationInProgress).toBe(true);
  });

  it("may be a user's own, which is in no answer with its key", async () => {
    const [first] = TEST_ROOTS;
    const given = { SigningCACert: first.pem, SigningCAKey: "OUR KEY" };
    expect((await update(given)).status).toBe(200);
    expect(record().rotation).toMatchObject({ root: "BB", caPem: first.pem });
    expect(record().secrets.next?.caKeyPem).toBe("OUR KEY");
    for (const path of ["/swarm", "/info", "/murmur/cluster"]) {
      const text = JSON.stringify((await asker.ask<unknown>(path)).body);
      expect(text).not.toContain("OUR KEY");
      expect(text).not.toContain("SigningCA");
    }
    // The same again is on its way already.
    const { version } = record();
    await update({ ...given, ForceRotate: 1 });
    expect(record().rotation?.root).toBe("BB");
    expect(record().secrets.next?.joinSecret).toBe("next-1");
    expect(record().version).not.toBe(version);
  });

  it.each([[{ SigningCAKey: "key" }, "if a signing CA key is provided, the signing CA cert must also be provided"]])(
    "refuses %j",
    async (config, message) => {
      const { status, body } = await update(config);
      expect([status, body.message]).toEqual([400, expect.stringContaining(message)]);
      expect(record().rotation).toBeUndefined();
    },
  );

  it("may be one whose key an external CA keeps, which is looked at when it is named", async () => {
    const [first] = TEST_ROOTS;
    const ExternalCAs = [{ Protocol: "CFSSL", URL: "https://ca:8888/api/v1/cfssl/sign", CACert: first.pem }];
    const sent = { SigningCACert: first.pem, ExternalCAs } as unknown as SwarmSpec["CAConfig"];
    expect((await update(sent)).status).toBe(200);
    expect(record().rotation).toMatchObject({ root: "BB", caPem: first.pem });
    expect(record().secrets.next).toMatchObject({ statement: { keyPem: "statement key" } });
    expect(record().secrets.next?.caKeyPem).toBeUndefined();
    const shown = [{ Protocol: "cfssl", URL: "https://ca:8888/api/v1/cfssl/sign", CACert: first.pem }];
    expect((await swarm()).Spec.CAConfig?.ExternalCAs).toEqual(shown);
    expect((await asker.ask<Info>("/info")).body.Swarm.Cluster?.Spec.CAConfig?.ExternalCAs).toEqual(shown);
    expect(JSON.stringify(await swarm())).not.toContain("statement key");
    expect(asker.ports.checked).toEqual([[shown[0]?.URL]]);
    // What is sent back as it was shown is not asked for again.
    expect((await update({})).status).toBe(200);
    expect(asker.ports.checked).toHaveLength(1);
    // Nobody else could sign for the root to come.
    const without = await update({ ExternalCAs: [] });
    expect([without.status, without.body.message]).toEqual([
      expect.any(Number),
      expect.stringMatching(/at least one external CA corresponding to the desired CA certificate/),
    ]);
    const key = await update({ SigningCACert: first.pem, SigningCAKey: "OUR KEY" });
    expect([key.status, key.body.message]).toEqual([400, expect.stringMatching(/rotate to another root/)]);
    expect((await update({ SigningCACert: first.pem })).status).toBe(200);
  });

  it("is compared with what each node says that it has", async () => {
    const [old, young] = TEST_ROOTS;
    const replica = asker.ports.replica ?? expect.fail("there is a cluster");
    const spec = replica.store.view.cluster()?.spec ?? expect.fail("there is a cluster");
    const shown = async () => {
      const { TLSInfo } = await swarm();
      return [TLSInfo, (await asker.ask<Node>(`/nodes/${NODE_ONE}`)).body.Description.TLSInfo];
    };
    const says = (issuer: string, ...trusts: readonly string[]): void =>
      replica.apply({ kind: "describeNode", id: NODE_ONE, certificate: { issuer, trusts } });
    const rotate = (next: (typeof TEST_ROOTS)[number]): void => {
      const roleSecrets = { worker: "w", manager: "m" };
      const nextRoot = {
        root: next.name,
        caPem: next.pem,
        crossPem: "x",
        caKeyPem: "k",
        joinSecret: "first-secret",
        roleSecrets,
      };
      replica.apply({ kind: "updateCluster", version: record().version, spec, nextRoot });
      for (const phase of ["trust", "renew"] as const) {
        for (const { id } of replica.store.view.nodes())
          replica.apply({ kind: "describeNode", id, certificate: { issuer: next.name, trusts: [next.name] } });
        if (next === old) replica.apply({ kind: "advanceRotation", root: next.name, phase });
      }
    };
    expect((await shown())[1]).toEqual({});
    rotate(old);
    const [before, node] = await shown();
    expect(before).toMatchObject({ TrustRoot: old.pem, CertIssuerPublicKey: expect.stringMatching(/^M/) });
    expect(node).toEqual(before);

    // In the middle the cluster's issuer is the next one already, as Docker's progress wants it.
    rotate(young);
    says(old.name, old.name);
    const [wanted, late] = await shown();
    expect(wanted?.TrustRoot).toBe(old.pem);
    expect(wanted?.CertIssuerPublicKey).not.toBe(before?.CertIssuerPublicKey);
    expect(late).toEqual(before);
    says(young.name, old.name, young.name);
    expect((await shown())[1]).toEqual(wanted);
    // It still trusts one that the cluster doesn't know (any more).
    says(young.name, "AB:CD", young.name);
    expect((await shown())[1]).toEqual({ ...wanted, TrustRoot: undefined });
  });
});
