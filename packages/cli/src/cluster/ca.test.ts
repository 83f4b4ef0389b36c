import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const [OLD, NEW] = ["OLD ROOT\n", "NEW ROOT\n"];
interface State {
  readonly root: string;
  readonly issuer: string;
}
const tls = ({ root, issuer }: State) => ({
  TrustRoot: root,
  CertIssuerPublicKey: issuer,
  CertIssuerSubject: "c3ViamVjdA==",
});

/** A cluster of two nodes that is one step further each time it is looked at. */
function rotating(): Record<string, Route> {
  let looks = 0;
  let asked = false;
  const node = (number: number, state: State, status = "ready") => ({
    ID: `n${String(number)}`,
    Status: { State: status },
    Description: { Hostname: `host${String(number)}`, TLSInfo: tls(state) },
  });
  const [before, between, after] = [
    { root: OLD, issuer: "old" },
    { root: OLD, issuer: "new" },
    { root: NEW, issuer: "new" },
  ];
  return {
    "POST /swarm/update": () => {
      asked = true;
      return { json: null };
    },
    "GET /swarm": () => {
      looks += asked ? 1 : 0;
      const state = !asked ? before : looks < 4 ? between : after;
      const Spec = { Name: "default", CAConfig: { ForceRotate: 4 } };
      return { json: { Version: { Index: 7 }, Spec, TLSInfo: tls(state), RootRotationInProgress: asked && looks < 4 } };
    },
    "GET /nodes": () => ({
      json: [
        node(1, looks < 2 ? before : looks < 5 ? between : after),
        node(2, looks < 3 ? before : looks < 5 ? between : after, looks < 3 ? "down" : "ready"),
      ],
    }),
  };
}

async function murmur(words: readonly string[]): Promise<Ran & { readonly daemon: FakeDaemon }> {
  await using daemon = await FakeDaemon.start({ "GET /_ping": () => ({ json: "OK" }), ...rotating() });
  return { ...(await runMurmur(["--socket", daemon.socketPath, "cluster", "ca", ...words])), daemon };
}
const updateIn = ({ daemon }: { readonly daemon: FakeDaemon }) =>
  daemon.asked.find(({ path }) => path === "/swarm/update");

it("shows the root, and changes nothing", async () => {
  const shown = await murmur([]);
  expect([shown.status, shown.stdout]).toEqual([0, OLD]);
  expect(updateIn(shown)).toBeUndefined();
  const json = JSON.parse((await murmur(["--format", "json"])).stdout) as object;
  expect(json).toMatchObject({ RootRotationInProgress: false, TrustRoot: OLD, Nodes: [{ HasCertificate: true }, {}] });
});

it("rotates, says whom it waits for, and ends with the new root", async () => {
  const rotated = await murmur(["--rotate", "--cert-expiry", "48h"]);
  expect(rotated.status).toBe(0);
  expect(updateIn(rotated)?.body).toMatchObject({
    Name: "default",
    CAConfig: { ForceRotate: 5, NodeCertExpiry: 172_800_000_000_000 },
  });
  expect(rotated.stderr.trim().split("\n")).toEqual([
    "0 of 2 nodes have a certificate of the new root; waiting for host1, host2 (down)",
    "1 of 2 nodes have a certificate of the new root; waiting for host2 (down)",
    "2 of 2 nodes have a certificate of the new root",
    "0 of 2 nodes trust the new root alone; waiting for host1, host2",
    "2 of 2 nodes trust the new root alone",
  ]);
  expect(rotated.stdout).toBe(NEW);
});

it("says nothing with --quiet, and doesn't wait with --detach", async () => {
  const quiet = await murmur(["--rotate", "--quiet"]);
  expect([quiet.status, quiet.stdout, quiet.stderr]).toEqual([0, "", ""]);
  const detached = await murmur(["--rotate", "--detach"]);
  expect([detached.status, detached.stdout]).toEqual([0, ""]);
  expect(detached.daemon.asked.filter(({ path }) => path === "/nodes")).toEqual([]);
});

it("takes a root from files", async () => {
  const folder = await mkdtemp(join(tmpdir(), "murmur-ca-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await writeFile(cert, "OUR CERT");
  await writeFile(key, "OUR KEY");
  const given = await murmur(["--rotate", "--detach", "--ca-cert", cert, "--ca-key", key]);
  expect(updateIn(given)?.body).toMatchObject({ CAConfig: { SigningCACert: "OUR CERT", SigningCAKey: "OUR KEY" } });
  const url = "https://ca:8888/api/v1/cfssl/sign";
  const outside = ["--rotate", "--detach", "--ca-cert", cert, "--external-ca", `protocol=cfssl,url=${url},label=x`];
  expect(updateIn(await murmur(outside))?.body).toMatchObject({
    CAConfig: {
      SigningCACert: "OUR CERT",
      ExternalCAs: [{ Protocol: "cfssl", URL: url, Options: { label: "x" }, CACert: "OUR CERT" }],
    },
  });
  const missing = await murmur(["--rotate", "--ca-cert", cert, "--ca-key", join(folder, "none")]);
  expect([missing.status, missing.stderr]).toEqual([2, expect.stringMatching(/can't read .*none/)]);
  expect(updateIn(missing)).toBeUndefined();
  await rm(folder, { recursive: true });
});

it.each([
  ["url=https://ca", /needs a protocol= parameter/],
  ["protocol=acme,url=https://ca", /unrecognized external CA protocol acme/],
  ["protocol=cfssl", /needs a url= parameter/],
  ["protocol=cfssl,url", /invalid field 'url' must be a key=value pair/],
])("refuses the external CA %s", async (value, message) => {
  const own = join(import.meta.dirname, "ca.test.ts");
  const refused = await murmur(["--rotate", "--ca-cert", own, "--external-ca", value]);
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringMatching(message)]);
  const [field] = [`protocol=cfssl,url=https://ca,cacert=${join(import.meta.dirname, "cluster-ca.ts")}`];
  const noPem = await murmur(["--rotate", "--ca-cert", own, "--external-ca", field]);
  expect(noPem.stderr).toMatch(/must be in PEM format/);
});

it.each([
  [["--ca-cert", "x"], /`--ca-cert` needs `--rotate`/],
  [["--cert-expiry", "1h"], /`--cert-expiry` needs `--rotate`/],
  [["--detach"], /`--detach` needs `--rotate`/],
  [["--rotate", "--ca-key", "x"], /give both/],
  [["--external-ca", "protocol=cfssl,url=https://ca"], /`--external-ca` needs `--rotate`/],
  [["--rotate", "--external-ca", "protocol=cfssl,url=https://ca"], /requires the `--ca-cert` flag/],
  [["--rotate", "--ca-cert", "x"], /requires that a --ca-key flag and\/or --external-ca flag/],
])("refuses %j", async (words, message) => {
  const refused = await murmur(words);
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringMatching(message)]);
  expect(refused.daemon.asked.map(({ path }) => path)).not.toContain("/swarm/update");
});
