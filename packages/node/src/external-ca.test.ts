import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { createCsr, createNodeKey, signSubject, statementKeyIn } from "@murmur/identity";
import { silentLog } from "@murmur/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuthoritySigner } from "./authority-signer.ts";
import { callExternalCa } from "./external-ca.ts";
import { patientClock } from "./testing/patient-clock.ts";
import { TestCfssl } from "./testing/test-cfssl.ts";

const { signal } = new AbortController();

describe("an external CA over HTTPS", () => {
  let cfssl: TestCfssl;
  let server: Server;
  let url: string;
  let client: { readonly certificatePem: string; readonly keyPem: string };
  const types: unknown[] = [];
  let says: (body: string) => Promise<string>;

  beforeEach(async () => {
    cfssl = await TestCfssl.start(Date.now());
    const named = async (name: string) => {
      const keyPem = await createNodeKey();
      const csrPem = await createCsr({ keyPem });
      const by = { ca: cfssl.ca, organization: "c1", now: Date.now() };
      return { keyPem, certificatePem: await signSubject({ ...by, csrPem, name, host: "localhost" }) };
    };
    client = await named("n1");
    const own = await named("ca");
    says = async (body) => (await cfssl.answer(body)).body;
    server = createServer(
      {
        key: own.keyPem,
        cert: own.certificatePem,
        ca: cfssl.ca.certificatePem,
        requestCert: true,
        rejectUnauthorized: true,
      },
      (request, response) => {
        types.push(request.headers["content-type"]);
        let body = "";
        request.on("data", (part: Buffer) => (body += part.toString()));
        request.on("end", () => void says(body).then((answer) => response.end(answer)));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `https://localhost:${String((server.address() as AddressInfo).port)}/api/v1/cfssl/sign`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const ask = (caPem = cfssl.ca.certificatePem, shown: typeof client | undefined = client) =>
    new AuthoritySigner({
      call: callExternalCa,
      client: () => shown,
      clock: patientClock,
      log: silentLog,
    }).statementKey({ clusterId: "c1", root: caPem, externalCas: [{ protocol: "cfssl", url }] }, signal);

  it("signs for who shows a certificate of the root", async () => {
    const { certificatePem } = await ask();
    expect(statementKeyIn(certificatePem, { caPem: cfssl.ca.certificatePem, clusterId: "c1" })).toBeDefined();
    expect(types.at(-1)).toBe("application/json");
    const none = new AuthoritySigner({
      call: callExternalCa,
      client: () => undefined,
      clock: patientClock,
      log: silentLog,
    });
    const asked = {
      clusterId: "c1",
      root: cfssl.ca.certificatePem,
      externalCas: [{ protocol: "cfssl", url }],
    } as const;
    await expect(none.statementKey(asked, signal)).rejects.toThrow(/did not sign the certificate: https:/);
  });

  it("is not believed when another root vouches for it", async () => {
    const other = await TestCfssl.start(Date.now());
    await expect(ask(other.ca.certificatePem)).rejects.toThrow(/did not sign.*certificate/);
    expect(cfssl.asked).toEqual([]);
  });

  it("is read so far and no further", async () => {
    says = () => Promise.resolve("x".repeat(100_000));
    await expect(ask()).rejects.toThrow(/more than 65536 bytes/);
  });

  it("is left alone when nobody waits any more", async () => {
    says = () => new Promise(() => {});
    const gone = AbortSignal.abort(new Error("nobody waits"));
    const request = { url, body: "{}", caPem: cfssl.ca.certificatePem, client };
    await expect(callExternalCa(request, gone)).rejects.toThrow("nobody waits");
  });
});
