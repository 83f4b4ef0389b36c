import { copyFile, writeFile } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { readFileSync } from "node:fs";
import { silentLog } from "@murmur/base";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ClientTls } from "../client/client-options.ts";
import { MurmurClient } from "../client/murmur-client.ts";
import { Authority } from "../testing/authority.ts";
import { dockerCommand } from "../testing/docker-command.ts";
import { serveOverTls, type ServedOverTls } from "../testing/served.ts";
import { readTls, watchTls, type TlsFiles } from "./tls-files.ts";

/* The real docker command over TLS, with the machine's own engine behind; needs openssl, too. */
let ours: Authority;
let others: Authority;
let server: TlsFiles;
let client: TlsFiles;
let stranger: TlsFiles;
let served: ServedOverTls;
const warnings: string[] = [];
beforeAll(async () => {
  [ours, others] = await Promise.all([Authority.make("ours"), Authority.make("others")]);
  [server, client, stranger] = [await ours.sign("server"), await ours.sign("client"), await others.sign("stranger")];
  const log = { ...silentLog, warn: (said: string) => void warnings.push(said) };
  served = await serveOverTls({ socketPath: "/var/run/docker.sock" }, server, log);
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await Promise.all([ours[Symbol.asyncDispose](), others[Symbol.asyncDispose]()]);
});

async function docker(files: TlsFiles, input: string, ...args: string[]) {
  const tls = ["--tlsverify", "--tlscacert", files.ca, "--tlscert", files.cert, "--tlskey", files.key];
  const host = `tcp://127.0.0.1:${String(served.port)}`;
  const { code, stdout, stderr } = await dockerCommand(["-H", host, ...tls, ...args], input);
  return { code, stdout: stdout.trim(), stderr };
}

const pemOf = ({ ca, cert, key }: TlsFiles): ClientTls => {
  const [caPem = "", certPem = "", keyPem = ""] = [ca, cert, key].map((path) => readFileSync(path, "utf8"));
  return { ca: caPem, cert: certPem, key: keyPem };
};

/** What a client learns that is not Docker's. */
async function failure(tls: ClientTls | undefined): Promise<string> {
  using asking = new MurmurClient({ host: `tcp://127.0.0.1:${String(served.port)}`, tls });
  return await asking.ping().then(
    () => "answered",
    (error: unknown) => (error instanceof Error ? error.message : ""),
  );
}

describe("over TLS", () => {
  it("the docker command has the cluster, the engine, and connections that it takes over", async () => {
    expect(await docker(client, "", "info", "--format", "{{.Swarm.LocalNodeState}}")).toMatchObject({
      stdout: "active",
    });
    const long = "to be or not\n".repeat(20_000);
    // The input's end goes through and back: what comes after it, too.
    const ran = await docker(
      client,
      long,
      "run",
      "--rm",
      "-i",
      "murmur/web",
      "sh",
      "-c",
      "wc -l; sleep 0.2; echo over",
    );
    expect(ran).toMatchObject({ code: 0, stdout: "20000\nover" });
    const echoed = await docker(client, long, "run", "--rm", "-i", "murmur/web", "cat");
    expect(echoed.stdout).toBe(long.trim());
  });

  it("Murmur's own client has them, too", async () => {
    using asking = new MurmurClient({ host: `tcp://127.0.0.1:${String(served.port)}`, tls: pemOf(client) });
    expect((await asking.nodes()).length).toBeGreaterThan(0);
    expect((await asking.version()).Platform.Name).toBe("Murmur 0.1.0");
  });

  it("nobody is served who has no certificate of the authority, or speaks no TLS, and all others go on", async () => {
    expect((await docker(stranger, "", "service", "ls")).code).not.toBe(0);
    expect((await docker({ ...stranger, ca: client.ca }, "", "service", "ls")).code).not.toBe(0);
    expect(await failure(pemOf({ ...stranger, ca: client.ca }))).toContain(
      "closed the connection: it may not know the authority of --tlscert",
    );
    expect(await failure(pemOf({ ...client, ca: stranger.ca }))).toMatch(/certificate/);
    expect(await failure(undefined)).toContain("wants TLS there, give --tlsverify");
    const bare = connect({ host: "127.0.0.1", port: served.port, ca: readFileSync(client.ca) });
    bare.on("error", () => {});
    bare.write("GET /info HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await text(bare).catch(() => "")).toBe("");
    const plain = connectPlain(served.port, "127.0.0.1");
    plain.on("error", () => {});
    plain.write("GET /info HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await text(plain).catch(() => "")).not.toContain("HTTP/1.1 200");
    expect(await failure(pemOf(client))).toBe("answered");
    expect(warnings).toEqual([expect.stringContaining("refused")]);
  });
});

/** Of real time, which moves the fake one by as much: less than a minute, so that nothing is looked at twice. */
const WAIT = { timeout: 30_000 };

describe("TLS files", () => {
  it("that can't be used are named", async () => {
    const missing = join(ours.folder, "missing.pem");
    await expect(readTls({ ...server, cert: missing })).rejects.toThrow(`--tlscert ${missing}: can't be read`);
    const empty = join(ours.folder, "empty.pem");
    await writeFile(empty, "");
    await expect(readTls({ ...server, ca: empty })).rejects.toThrow(`--tlscacert ${empty}: is no certificate in PEM`);
    await expect(readTls({ ...server, key: client.key })).rejects.toThrow(
      `--tlskey ${client.key}: is not the key of ${server.cert}`,
    );
  });

  it("that are renewed are taken over, those in the middle of it aren't", async () => {
    const place = { ca: server.ca, cert: join(ours.folder, "live.pem"), key: join(ours.folder, "live-key.pem") };
    const put = async (files: TlsFiles): Promise<void> => {
      await copyFile(files.cert, place.cert);
      await copyFile(files.key, place.key);
    };
    await put(server);
    const first = await readTls(place);
    const used: string[] = [];
    const warned: string[] = [];
    const log = { ...silentLog, warn: (_text: string, fields?: object) => void warned.push(JSON.stringify(fields)) };
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      using _watch = watchTls(place, { first, use: ({ cert }) => used.push(cert), log });
      await copyFile(client.cert, place.cert);
      vi.advanceTimersByTime(60_000);
      await vi.waitFor(() => expect(warned).toHaveLength(1), WAIT);
      expect(warned[0]).toContain("is not the key of");
      await put(client);
      vi.advanceTimersByTime(60_000);
      await vi.waitFor(() => expect(used).toEqual([readFileSync(client.cert, "utf8")]), WAIT);
      vi.advanceTimersByTime(60_000);
    } finally {
      vi.useRealTimers();
    }
    expect(used).toHaveLength(1);
  });
});
