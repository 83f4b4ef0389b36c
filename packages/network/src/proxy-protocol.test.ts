import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endpoint, freePort, ports, received, service, table, tcpTask, until, withOptions } from "./fixture.ts";
import { ProxySet } from "./proxy-set.ts";
import { Targets } from "./targets.ts";
import { decodeProxyHeader } from "./testing/decode-proxy-header.ts";

let port: number;
let targets: Targets;
let proxies: ProxySet;

beforeEach(async () => {
  const world = ports();
  port = await freePort();
  targets = new Targets(world);
  proxies = new ProxySet({ publishAddress: "::", targets, ...world });
});
afterEach(() => proxies[Symbol.asyncDispose]());

async function publish(hostPort: number, proxyProtocol: boolean): Promise<void> {
  const web = service("web", port, [endpoint({ task: "t1", hostPort })]);
  targets.update(table(withOptions(web, { proxyProtocol })));
  proxies.render();
  await until(() => proxies.listeners().every(({ state }) => state === "listening"));
}

const open = async (host: string): Promise<Socket> => {
  const socket = connect({ host, port, allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
};

describe("a task that is told who the client is", () => {
  it.each([
    ["127.0.0.1", "IPv4"],
    ["::1", "IPv6"],
  ])("reads it before the client's first byte, from %s", async (host, family) => {
    await using task = await tcpTask((socket) => void received(socket).then((bytes) => socket.end(bytes)));
    await publish(task.port, true);
    const client = await open(host);
    const { localPort } = client;
    client.end("hello");
    expect(decodeProxyHeader(await received(client))).toEqual({
      family,
      source: `${host} ${String(localPort)}`,
      destination: `${host} ${String(port)}`,
      rest: "hello",
    });
  });

  it("reads it also when the client says nothing, and one that speaks first is heard", async () => {
    const header = Promise.withResolvers<Buffer>();
    await using task = await tcpTask((socket) => {
      socket.once("data", header.resolve);
      socket.end("220 ready");
    });
    await publish(task.port, true);
    const client = await open("127.0.0.1");
    expect((await received(client)).toString()).toBe("220 ready");
    expect(decodeProxyHeader(await header.promise).rest).toBe("");
    client.end();
  });

  it("is told from the next connection on when the option changes", async () => {
    await using task = await tcpTask((socket) => void received(socket).then((bytes) => socket.end(bytes)));
    const ask = async (): Promise<number> => {
      const client = await open("127.0.0.1");
      client.end("hello");
      return (await received(client)).length;
    };
    await publish(task.port, false);
    expect(await ask()).toBe("hello".length);
    await publish(task.port, true);
    expect(await ask()).toBe(28 + "hello".length);
  });
});

describe("haproxy", () => {
  let haproxy: ChildProcess;
  let haproxyPort: number;
  let directory: string;
  let ended: Promise<unknown>;
  beforeEach(async () => {
    if (spawnSync("which", ["haproxy"]).status !== 0) {
      throw new Error("haproxy is missing: install it (Debian: haproxy)");
    }
    haproxyPort = await freePort();
    directory = await mkdtemp(join(tmpdir(), "murmur-haproxy-"));
    const config = `
      defaults
        mode http
        timeout client 60s
        timeout connect 60s
        timeout server 60s
      frontend who
        bind 127.0.0.1:${String(haproxyPort)} accept-proxy
        http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] to %[dst] %[dst_port]"
      `;
    await writeFile(join(directory, "haproxy.cfg"), `${config.trim()}\n`);
    haproxy = spawn("haproxy", ["-db", "-f", join(directory, "haproxy.cfg")], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    ended = once(haproxy, "exit");
    await Promise.race([answering(haproxyPort), ended.then(() => Promise.reject(new Error("haproxy doesn't run")))]);
  });
  afterEach(async () => {
    haproxy.kill();
    await ended;
    await rm(directory, { recursive: true });
  });

  it.each(["127.0.0.1", "::1"])("knows a client at %s by the header", async (host) => {
    await publish(haproxyPort, true);
    const client = await open(host);
    const { localPort } = client;
    client.end("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
    const answer = (await received(client)).toString();
    expect(answer.split("\r\n\r\n")[1]).toBe(`${host} ${String(localPort)} to ${host} ${String(port)}`);
  });
});

/** Waits until somebody listens. */
async function answering(wanted: number): Promise<void> {
  for (;;) {
    const socket = connect({ host: "127.0.0.1", port: wanted });
    try {
      await once(socket, "connect");
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      socket.destroy();
    }
  }
}
