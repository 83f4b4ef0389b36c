import { codeOf, nodeId, silentLog, type NodeId } from "@murmur/base";
import {
  caDigest,
  certificateTimes,
  createCsr,
  createNodeKey,
  formatToken,
  newJoinSecret,
  verifyPeer,
} from "@murmur/identity";
import { joinSecretOf } from "@murmur/model";
import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { admit, askToJoin, keyDigest, type CallMember, type JoinOptions } from "./admission.ts";
import { parseRenewal, renew } from "./renewal.ts";
import { TestCfssl } from "./testing/test-cfssl.ts";
import { SoloManager } from "./testing/solo-manager.ts";

describe("admission", () => {
  let solo: SoloManager;
  beforeEach(async () => {
    solo = await SoloManager.start();
  });
  afterEach(() => solo[Symbol.asyncDispose]());

  const secrets = () => {
    const cluster = solo.manager.view.cluster();
    if (cluster === undefined) throw new Error("there is a cluster");
    return cluster;
  };
  const token = (): string => {
    const { caPem, secrets: own } = secrets();
    return formatToken({ caDigest: caDigest(caPem), secret: own.joinSecret });
  };
  const decide = (body: unknown, remoteAddress = "10.0.0.9", signer = solo.signer()) =>
    solo.during(
      admit(solo.manager, body, {
        newId: solo.newId,
        clock: solo.clock,
        log: silentLog,
        signal: solo.signal,
        remoteAddress,
        generation: undefined,
        signer,
      }),
    );
  /** Calls the manager as the transport would, after the CA was checked. */
  const call: CallMember = async (_address, { caDigestCheck, body }) => {
    caDigestCheck(secrets().caPem);
    return JSON.parse(JSON.stringify(await decide(JSON.parse(JSON.stringify(body)))));
  };
  const join = async (changes: Partial<JoinOptions> = {}) =>
    askToJoin({
      token: token(),
      keyPem: await createNodeKey(),
      addresses: ["10.0.0.1:7373"],
      advertise: "10.0.0.2:7373",
      labels: { zone: "z" },
      availability: "active",
      hostname: "second",
      canDo: async () => undefined,
      hostSubnets: async () => [],
      call,
      ...changes,
    });
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.catch((reason: unknown) => reason);
    return `${codeOf(error)}: ${String(error)}`;
  };
  const request = async () => {
    const csrPem = await createCsr({ keyPem: await createNodeKey() });
    const rest = { hostname: "h", address: "10.0.0.2:7373", labels: {}, availability: "active", version: "0.1.0" };
    return { secret: secrets().secrets.joinSecret, csrPem, ...rest };
  };

  it("lets a node in: its record, a certificate of its own, keys and the others' addresses", async () => {
    const joined = await join();
    const node = solo.manager.view.node(joined.identity.nodeId);
    expect(node).toMatchObject({ address: "10.0.0.2:7373", spec: { labels: { zone: "z" } }, hostname: "second" });
    expect(node?.keyDigest).toBe(keyDigest(joined.identity.certificatePem));
    expect(joined.peers).toEqual([{ id: solo.self, address: "10.0.0.1:7373" }]);
    const { raw } = new X509Certificate(joined.identity.certificatePem);
    const { caPem, id: clusterId } = secrets();
    const verified = verifyPeer(raw, { caPem, clusterId, now: solo.clock.now() });
    expect(JSON.stringify(verified)).toContain(joined.identity.nodeId);
  });

  it("pins a node to the role of the token that it came with, and one of no role to none", async () => {
    const { caPem, secrets: own } = secrets();
    const roleOf = async (role: "worker" | "manager" | undefined, port: number) => {
      const secret = joinSecretOf(own, role);
      const joined = await join({
        token: formatToken({ caDigest: caDigest(caPem), secret }),
        advertise: `10.0.0.2:${String(port)}`,
      });
      return solo.manager.view.node(joined.identity.nodeId)?.spec.pinnedRole;
    };
    expect(new Set([own.joinSecret, ...Object.values(own.roleSecrets ?? {})]).size).toBe(3);
    expect(await roleOf("worker", 1)).toBe("worker");
    expect(await roleOf("manager", 2)).toBe("manager");
    expect(await roleOf(undefined, 3)).toBeUndefined();
  });

  it("uses the address that a request comes from, when the node names only a port", async () => {
    const admitted = await decide({ ...(await request()), address: ":7373" }, "10.0.0.77");
    expect(admitted.address).toBe("10.0.0.77:7373");
  });

  it("makes a node that asks twice with one key the same node", async () => {
    const body = await request();
    const first = await decide(body);
    const second = await decide(body);
    expect(second.nodeId).toBe(first.nodeId);
    expect(new X509Certificate(second.certificatePem).subject).toContain(first.nodeId);
    expect(solo.manager.view.nodes()).toHaveLength(2);
  });

  it("refuses a wrong token, one of another cluster, and one that was rotated", async () => {
    const { caPem } = secrets();
    const wrong = formatToken({ caDigest: caDigest(caPem), secret: newJoinSecret() });
    expect(await refusal(join({ token: wrong }))).toMatch(/unauthenticated.*valid join token is necessary/);
    await using other = await SoloManager.start();
    const foreign = other.manager.view.cluster()?.caPem ?? "";
    const elsewhere = formatToken({ caDigest: caDigest(foreign), secret: secrets().secrets.joinSecret });
    expect(await refusal(join({ token: elsewhere }))).toMatch(/unauthenticated.*another cluster/);
    const old = token();
    const { version } = secrets();
    const rotate = { kind: "rotateJoinSecret", version, joinSecret: newJoinSecret(), now: solo.clock.now() } as const;
    await solo.during(solo.manager.submit(rotate, solo.signal));
    expect(await refusal(join({ token: old }))).toMatch(/unauthenticated/);
    expect(await refusal(join({ token: "nonsense" }))).toMatch(/invalid_argument/);
    expect(solo.manager.view.nodes()).toHaveLength(1);
  });

  it("refuses a node that can't do the cluster's data plane, or doesn't know of any", async () => {
    await using overlay = await SoloManager.start({ dataPlane: "overlay" });
    const view = overlay.manager.view;
    const secret = view.cluster()?.secrets.joinSecret ?? "";
    const asks = async (more: object) => {
      const { signal, newId, clock } = overlay;
      const common = { newId, clock, log: silentLog, signal, remoteAddress: "10.0.0.9", generation: undefined };
      const options = { ...common, signer: overlay.signer() };
      return overlay.during(admit(overlay.manager, { ...(await request()), secret, ...more }, options));
    };
    expect(await refusal(asks({}))).toMatch(/failed_precondition.*overlay.*its software is too old/);
    expect(await refusal(asks({ cannot: { overlay: "no nft" } }))).toMatch(/which this node can't do: no nft/);
    expect(view.nodes()).toHaveLength(1);
    expect((await asks({ cannot: {} })).dataPlane).toBe("overlay");
    expect((await join({ canDo: async (plane) => (plane === "overlay" ? "no nft" : undefined) })).dataPlane).toBe(
      "ports",
    );
  });

  it("lets nobody into an overlay whose host is in the way of a network, or reaches the others otherwise", async () => {
    await using overlay = await SoloManager.start({ dataPlane: "overlay" });
    const secret = overlay.manager.view.cluster()?.secrets.joinSecret ?? expect.fail();
    const asks = async (more: object) => {
      const { signal, newId, clock } = overlay;
      const common = { newId, clock, log: silentLog, signal, remoteAddress: "10.0.0.9", generation: undefined };
      const options = { ...common, signer: overlay.signer() };
      return overlay.during(admit(overlay.manager, { ...(await request()), secret, cannot: {}, ...more }, options));
    };
    expect(await refusal(asks({ subnets: ["10.0.0.0/24", "10.64.3.0/24"] }))).toMatch(
      /failed_precondition.* addresses in 10\.64\.3\.0\/24, .* overlaps 10\.64\.0\.0\/20 of the cluster's network default: .*--default-addr-pool/,
    );
    expect(await refusal(asks({ address: "[fd00::2]:7373" }))).toMatch(
      /failed_precondition.*\[fd00::2\]:7373 is an IPv6 address.* go over IPv4, as node first at 10\.0\.0\.1:7373: .*--advertise-addr/,
    );
    expect(overlay.manager.view.nodes()).toHaveLength(1);
    // A subnet of the pool that no network has is left out when one is chosen.
    expect((await asks({ subnets: ["10.65.0.0/24"] })).dataPlane).toBe("overlay");
  });

  it("refuses malformed requests and an address that is taken by a node that is up", async () => {
    expect(await refusal(decide({ secret: 1 }))).toMatch(/invalid_argument.*malformed/);
    expect(await refusal(decide({ ...(await request()), csrPem: "no request" }))).toMatch(/invalid_argument|corrupt/);
    const ready = { kind: "setNodeState", id: solo.self, state: "ready", message: "", now: solo.clock.now() } as const;
    await solo.during(solo.manager.submit(ready, solo.signal));
    expect(await refusal(join({ advertise: "10.0.0.1:7373" }))).toMatch(/already_exists.*which is up/);
  });

  it("tries the next address after one that does not answer, and none after a refusal", async () => {
    const tried: string[] = [];
    const unreachable: CallMember = async (address, options) => {
      tried.push(address);
      if (address !== "down:1") return call(address, options);
      return solo.during(solo.network.joinCall("x:1", address, { method: "join", body: null }));
    };
    await join({ addresses: ["down:1", "up:1"], call: unreachable });
    expect(tried).toEqual(["down:1", "up:1"]);
    tried.length = 0;
    const wrong = formatToken({ caDigest: caDigest(secrets().caPem), secret: newJoinSecret() });
    await refusal(join({ addresses: ["up:1", "up:2"], token: wrong, call: unreachable }));
    expect(tried).toEqual(["up:1"]);
    expect(await refusal(join({ addresses: [] }))).toMatch(/give the address/);
  });

  it("says to who joins, and who renews, why an external CA doesn't sign", async () => {
    const { identity } = await join();
    const cfssl = await TestCfssl.start(solo.clock.now());
    const nextRoot = await cfssl.nextRoot(secrets(), solo.signer(cfssl.call));
    const { version, spec } = secrets();
    const externalCas = [{ ...cfssl.externalCa, caPem: secrets().caPem }];
    const update = { kind: "updateCluster", version, spec: { ...spec, externalCas }, now: solo.clock.now() } as const;
    expect(nextRoot.caKeyPem).toBeUndefined();
    await solo.during(solo.manager.submit(update, solo.signal));
    const body = await request();
    // It is another root's, whatever the settings say.
    expect(await refusal(decide(body, "10.0.0.9", solo.signer(cfssl.call)))).toMatch(
      /unavailable.*https:\/\/ca\.test.*signed by another cluster's authority/,
    );
    expect(await refusal(decide(body))).toMatch(/can't ask external CAs/);
    cfssl.refuses = "policy violation";
    const csrPem = await createCsr({ keyPem: identity.keyPem });
    const asked = { from: identity.nodeId, body: { csrPem }, generation: undefined };
    const options = { signer: solo.signer(cfssl.call), signal: solo.signal };
    expect(await refusal(solo.during(renew(solo.manager, asked, options)))).toMatch(/it refuses: policy violation/);
    expect(solo.manager.view.nodes()).toHaveLength(2);
  });

  it("renews a certificate for the same key only, and for members only", async () => {
    const { identity } = await join();
    const options = { signer: solo.signer(), signal: solo.signal };
    const ask = (from: NodeId, body: unknown) => renew(solo.manager, { from, body, generation: undefined }, options);
    await solo.clock.advance(1_000);
    const csrPem = await createCsr({ keyPem: identity.keyPem });
    const renewed = parseRenewal(await solo.during(ask(identity.nodeId, { csrPem })));
    const { certificatePem } = renewed.certificate ?? expect.fail();
    expect(keyDigest(certificatePem)).toBe(keyDigest(identity.certificatePem));
    const { notAfter } = certificateTimes(certificatePem);
    expect(notAfter).toBeGreaterThanOrEqual(certificateTimes(identity.certificatePem).notAfter);
    const otherKey = { csrPem: await createCsr({ keyPem: await createNodeKey() }) };
    expect(await refusal(solo.during(ask(identity.nodeId, otherKey)))).toMatch(/forbidden/);
    const stranger = nodeId("z".repeat(25));
    expect(await refusal(solo.during(ask(stranger, { csrPem })))).toMatch(/was removed/);
  });
});
