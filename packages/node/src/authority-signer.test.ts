import { ManualClock, nodeId, silentLog, type NodeId } from "@murmur/base";
import { createCa, createCsr, createNodeKey, statementKeyIn, verifyPeer, type Ca } from "@murmur/identity";
import { DEFAULT_CLUSTER_SPEC, type ExternalCa } from "@murmur/model";
import { beforeEach, describe, expect, it } from "vitest";
import { AuthoritySigner, type NodeRequest } from "./authority-signer.ts";
import type { CallExternalCa } from "./external-ca.ts";
import { during as passing } from "./testing/simulated-time.ts";
import { TestCfssl } from "./testing/test-cfssl.ts";

const CLUSTER = "c1";
const NODE: NodeId = nodeId("n".repeat(25));
const { signal } = new AbortController();

describe("what signs nodes' certificates", () => {
  let clock: ManualClock;
  let cfssl: TestCfssl;
  let own: Ca;
  beforeEach(async () => {
    clock = new ManualClock();
    cfssl = await TestCfssl.start(clock.now());
    own = await createCa({ clusterId: CLUSTER, now: clock.now() });
  });

  const signer = (call: CallExternalCa = cfssl.call) =>
    new AuthoritySigner({ call, client: () => undefined, clock, log: silentLog });
  /** Of a cluster whose root is the external CA's, unless it has a key. */
  const request = async (externalCas: readonly ExternalCa[], key?: Ca): Promise<NodeRequest> => ({
    cluster: {
      id: CLUSTER as NodeRequest["cluster"]["id"],
      caPem: (key ?? cfssl.ca).certificatePem,
      secrets: { joinSecret: "s", gossipKeys: [], ...(key && { caKeyPem: key.keyPem }) },
      spec: { ...DEFAULT_CLUSTER_SPEC, externalCas },
    },
    csrPem: await createCsr({ keyPem: await createNodeKey() }),
    nodeId: NODE,
  });
  const issuerOf = (certificatePem: string, caPem: string): NodeId =>
    verifyPeer(certificatePem, { caPem, clusterId: CLUSTER, now: clock.now() });
  /** Lets the time of deadlines pass, too. */
  const during = <T>(work: Promise<T>): Promise<T> => passing(clock, work, { stepMs: 500 });

  it("is the external CA of the root, one after the other", async () => {
    const dead = { ...cfssl.externalCa, url: "https://dead.test/sign" };
    const certificatePem = await signer().sign(await request([dead, cfssl.externalCa]), signal);
    expect(issuerOf(certificatePem, cfssl.ca.certificatePem)).toBe(NODE);
    expect(cfssl.asked).toEqual([NODE]);
  });

  it("is the root's key where no external CA of that root is named", async () => {
    const certificatePem = await signer().sign(await request([cfssl.externalCa], own), signal);
    expect(issuerOf(certificatePem, own.certificatePem)).toBe(NODE);
    expect(cfssl.asked).toEqual([]);
    // One that names no root is taken for the present one's: as with Docker, it comes before the key.
    const unnamed = { protocol: "cfssl", url: cfssl.url } as const;
    await expect(signer().sign(await request([unnamed], own), signal)).rejects.toThrow(/another cluster's authority/);
  });

  it("says what is wrong with what it is answered", async () => {
    const asked = await request([cfssl.externalCa]);
    const wrong = async (call: CallExternalCa): Promise<string> =>
      String(await during(signer(call).sign(asked, signal)).catch((error: unknown) => error));
    const other = await request([cfssl.externalCa]);
    const swapped: CallExternalCa = ({ body }) =>
      cfssl.answer(body.replace(quoted(asked.csrPem), quoted(other.csrPem)));
    expect(await wrong(swapped)).toMatch(/another key than the request's/);
    const renamed: CallExternalCa = ({ body }) => cfssl.answer(body.replaceAll(NODE, "m".repeat(25)));
    expect(await wrong(renamed)).toMatch(/names another node/);
    expect(await wrong(() => Promise.resolve({ status: 503, body: "busy" }))).toMatch(/status 503: busy/);
    expect(await wrong(() => Promise.resolve({ status: 200, body: "{}" }))).toMatch(/none of CFSSL's/);
    expect(await wrong(never)).toMatch(/no answer within 5 s/);
    await expect(signer().sign({ ...asked, csrPem: "nonsense" }, signal)).rejects.toThrow(/request is refused/);
  });

  it("is asked for no longer than a node that joins waits, however many there are", async () => {
    const many = ["a", "b", "c", "d"].map((name) => ({ ...cfssl.externalCa, url: `https://${name}.test/sign` }));
    const before = clock.now();
    await expect(during(signer(never).sign(await request(many), signal))).rejects.toThrow(/unavailable|did not sign/);
    expect(clock.now() - before).toBeLessThanOrEqual(11_000);
  });

  it("gives managers a key for statements, which nodes know by the root", async () => {
    const root = cfssl.ca.certificatePem;
    const asked = { clusterId: CLUSTER, root, externalCas: [cfssl.externalCa] };
    const { certificatePem } = await signer().statementKey(asked, signal);
    expect(statementKeyIn(certificatePem, { caPem: `${own.certificatePem}${root}`, clusterId: CLUSTER })?.root).toBe(
      root,
    );
    expect(statementKeyIn(certificatePem, { caPem: own.certificatePem, clusterId: CLUSTER })).toBeUndefined();
    expect(statementKeyIn(certificatePem, { caPem: root, clusterId: "c2" })).toBeUndefined();
    // A node's certificate is none.
    const node = await signer().sign(await request([cfssl.externalCa]), signal);
    expect(statementKeyIn(node, { caPem: root, clusterId: CLUSTER })).toBeUndefined();
  });

  it("is looked at before it counts", async () => {
    const { cluster } = await request([]);
    const others = { ...cluster, caPem: own.certificatePem };
    await signer().check(cluster, [cfssl.externalCa], signal);
    const unnamed = [{ protocol: "cfssl", url: cfssl.url }] as const;
    await expect(signer().check(others, unnamed, signal)).rejects.toThrow(
      /at least one valid, reachable external CA corresponding to the current CA certificate/,
    );
    cfssl.down = true;
    await expect(signer().check(cluster, [cfssl.externalCa], signal)).rejects.toThrow(/ECONNREFUSED/);
    // Of another root than the cluster's it is looked at when that is to be the cluster's.
    await signer().check(others, [cfssl.externalCa], signal);
    // Where managers have the key it may be named before it is there.
    const { cluster: whole } = await request([], own);
    await signer().check(whole, unnamed, signal);
  });
});

const quoted = (text: string): string => JSON.stringify(text);

const never: CallExternalCa = (_request, until) =>
  new Promise((_resolve, reject) => until.addEventListener("abort", () => reject(until.reason as Error)));
