import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { nodeId, silentLog } from "@murmur/base";
import {
  createCa,
  createCsr,
  createNodeKey,
  parseCertificate,
  signSubject,
  statementKeyIn,
  verifyPeer,
  type Ca,
} from "@murmur/identity";
import { clusterId, DEFAULT_CLUSTER_SPEC, type ExternalCa } from "@murmur/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthoritySigner } from "./authority-signer.ts";
import { callExternalCa } from "./external-ca.ts";
import { patientClock } from "./testing/patient-clock.ts";

/* CFSSL's own server keeps the root's key. Needs Debian's golang-cfssl; fails where it is missing. */

const CLUSTER = clusterId("c1");
const { signal } = new AbortController();
let folder: string;
let ca: Ca;
let server: ChildProcess | undefined;
let ended: Promise<unknown> = Promise.resolve();
let externalCas: readonly ExternalCa[];
let said = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "murmur-cfssl-"));
  ca = await createCa({ clusterId: "outside", now: Date.now() });
  const key = await createNodeKey();
  const csrPem = await createCsr({ keyPem: key });
  const subject = { organization: "outside", name: "cfssl", host: "localhost" };
  const certificate = await signSubject({ ca, csrPem, ...subject, now: Date.now() });
  const usages = ["signing", "key encipherment", "server auth", "client auth"];
  const config = JSON.stringify({ signing: { default: { usages, expiry: "48h" } } });
  const files = {
    "ca.pem": ca.certificatePem,
    "ca-key.pem": ca.keyPem,
    "own.pem": certificate,
    "own-key.pem": key,
    config,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const given = {
    ca: "ca.pem",
    "ca-key": "ca-key.pem",
    "tls-cert": "own.pem",
    "tls-key": "own-key.pem",
    config: "config",
  };
  const flags = Object.entries(given).flatMap(([name, file]) => [`-${name}`, join(folder, file)]);
  const port = await serve(flags);
  externalCas = [{ protocol: "cfssl", url: `https://localhost:${String(port)}/api/v1/cfssl/sign` }];
});

afterAll(async () => {
  server?.kill();
  await ended;
  await rm(folder, { recursive: true, force: true });
});

/** Starts it. A port that was free a moment ago may be another's by now: then it ends, and begins anew with another one. */
async function serve(flags: readonly string[]): Promise<number> {
  for (let tries = 0; tries < 5; tries += 1) {
    const port = await freePort();
    const child = spawn("cfssl", ["serve", "-address", "127.0.0.1", "-port", String(port), ...flags], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.on("error", ({ message }) => (said += message));
    child.stderr.on("data", (part: Buffer) => (said += part.toString()));
    server = child;
    ended = new Promise((resolve) => void child.on("close", resolve));
    if (await isServed(port)) return port;
  }
  throw new Error(`cfssl does not serve: ${said}`);
}

/** Whether it comes to answer at the port; false once it has ended. It says that it listens before it does. */
async function isServed(port: number): Promise<boolean> {
  let isOver = false;
  void ended.then(() => (isOver = true));
  const limit = performance.now() + 30_000;
  while (!isOver && performance.now() < limit) {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca: ca.certificatePem });
    socket.setTimeout(5_000, () => socket.destroy());
    const isItself = await new Promise((resolve) => {
      socket.on("secureConnect", () => resolve(true)).on("close", () => resolve(false));
      socket.on("error", () => {}); // it is closed then
    });
    socket.destroy();
    if (isItself === true) return true;
    await sleep(50);
  }
  return false;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

describe("CFSSL's own server", () => {
  const signer = new AuthoritySigner({
    call: callExternalCa,
    client: () => undefined,
    clock: patientClock,
    log: silentLog,
  });

  it("signs a node's certificate that its peers believe, for as long as its profile says", async () => {
    const id = nodeId("5ktxwbhke5iihgzls3sjtnzsi");
    const csrPem = await createCsr({ keyPem: await createNodeKey() });
    const spec = { ...DEFAULT_CLUSTER_SPEC, externalCas };
    const cluster = { id: CLUSTER, caPem: ca.certificatePem, secrets: { joinSecret: "", gossipKeys: [] }, spec };
    const signed = await signer.sign({ cluster, csrPem, nodeId: id }, signal);
    expect(verifyPeer(signed, { caPem: ca.certificatePem, clusterId: CLUSTER, now: Date.now() })).toBe(id);
    const hours = (Date.parse(parseCertificate(signed).validTo) - Date.now()) / 3_600_000;
    expect(Math.round(hours)).toBe(48);
  });

  it("signs the key of the cluster's statements", async () => {
    const { certificatePem } = await signer.statementKey(
      { clusterId: CLUSTER, root: ca.certificatePem, externalCas },
      signal,
    );
    expect(statementKeyIn(certificatePem, { caPem: ca.certificatePem, clusterId: CLUSTER })).toBeDefined();
  });

  it("says why it signs nothing, and that is passed on", async () => {
    const ask = signer.statementKey(
      {
        clusterId: CLUSTER,
        root: ca.certificatePem,
        externalCas: externalCas.map((one) => ({ ...one, url: `${one.url}/x` })),
      },
      signal,
    );
    await expect(ask).rejects.toThrow(/did not sign the certificate: https:.*404/);
  });
});
