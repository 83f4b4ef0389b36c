import { createServer as createHttpServer } from "node:http";
import { connect as connectTcp, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { once } from "node:events";
import { ClusterError, nodeId, SeededRandom, silentLog } from "@murmur/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { parseAddress } from "./address.ts";
import { encodeFrame } from "./frame.ts";
import { encodeHello } from "./hello.ts";
import { joinCall, type JoinCallOptions } from "./join-call.ts";
import { openPeerTransport, type OpenPeerTransportOptions } from "./open-peer-transport.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { IDS, until } from "./test-world.ts";
import { PATIENT, systemClock, testIdentity, testPem, verifyTestPeer } from "./tls-test-world.ts";

const stack: (() => Promise<void>)[] = [];

async function open(changes: Partial<OpenPeerTransportOptions> = {}): Promise<PeerTransport> {
  const transport = await openPeerTransport({
    listen: { host: "127.0.0.1", port: 0 },
    identity: () => testIdentity("alpha", IDS.alpha),
    verifyPeer: verifyTestPeer,
    addressOf: () => undefined,
    software: "1.0.0",
    clock: systemClock,
    random: new SeededRandom(1),
    log: silentLog,
    ...changes,
    limits: { ...PATIENT, ...changes.limits },
  });
  stack.push(async () => {
    await transport[Symbol.asyncDispose]();
  });
  return transport;
}

async function serve(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  stack.push(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? `127.0.0.1:${bound.port}` : "";
}

const join = (address: string, changes: Partial<JoinCallOptions> = {}): Promise<unknown> =>
  joinCall(address, {
    caDigestCheck: () => {},
    method: "join",
    body: {},
    timeoutMs: 45_000,
    clock: systemClock,
    software: "1.0.0",
    ...changes,
  });

afterEach(async () => {
  for (let end = stack.pop(); end !== undefined; end = stack.pop()) await end();
});

describe("mutual authentication", () => {
  it("refuses a node of another cluster, on both sides", async () => {
    const stranger = nodeId("stranger00000000000000000");
    const alpha = await open();
    // It trusts the cluster's CA, but its own certificate is of another one.
    const intruder = await open({
      identity: () => testIdentity("stranger", stranger, "ca"),
      addressOf: () => alpha.address,
    });
    await expect(intruder.call(IDS.alpha, "any", 1)).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("not valid in this cluster"),
    });
    const impostor = await open({ identity: () => testIdentity("stranger", stranger, "other-ca") });
    const bravo = await open({
      identity: () => testIdentity("bravo", IDS.bravo),
      addressOf: () => impostor.address,
    });
    await expect(bravo.call(IDS.alpha, "any", 1)).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("belongs to another cluster"),
    });
    expect(alpha.stats().connections + impostor.stats().connections).toBe(0);
  });

  it("refuses whom the cluster no longer knows", async () => {
    const alpha = await open({
      verifyPeer: () => {
        throw new ClusterError("forbidden", "the node was removed from the cluster");
      },
    });
    const bravo = await open({ identity: () => testIdentity("bravo", IDS.bravo), addressOf: () => alpha.address });
    await expect(bravo.call(IDS.alpha, "any", 1)).rejects.toMatchObject({
      code: "forbidden",
      message: "the node was removed from the cluster",
    });
  });

  it("takes a renewed identity for new connections, and keeps the old ones", async () => {
    let file = "alpha";
    const seen: string[] = [];
    const alpha = await open({ identity: () => testIdentity(file, IDS.alpha) });
    const bravo = await open({
      identity: () => testIdentity("bravo", IDS.bravo),
      addressOf: () => alpha.address,
      verifyPeer: (certificate) => {
        seen.push(verifyTestPeer(certificate));
        return IDS.alpha;
      },
    });
    alpha.handle("echo", async (_from, body) => body);
    await bravo.call(IDS.alpha, "echo", 1);
    file = "charlie";
    alpha.identityChanged();
    expect(await bravo.call(IDS.alpha, "echo", 2)).toBe(2);
    expect(seen).toEqual([IDS.alpha]);
    const other = await open({
      identity: () => testIdentity("charlie", IDS.charlie),
      addressOf: () => alpha.address,
      verifyPeer: (certificate) => {
        seen.push(verifyTestPeer(certificate));
        return IDS.alpha;
      },
    });
    await other.call(IDS.alpha, "echo", 3);
    expect(seen).toEqual([IDS.alpha, IDS.charlie]);
  });

  it("is not kept from closing by who never ends its handshake", async () => {
    const alpha = await open();
    const socket = connectTcp(parseAddress(alpha.address));
    socket.on("error", () => {});
    await once(socket, "connect");
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    await alpha[Symbol.asyncDispose]();
    await closed;
  });

  it("says that its port is in use", async () => {
    const alpha = await open();
    await expect(open({ listen: parseAddress(alpha.address) })).rejects.toMatchObject({ code: "port_conflict" });
  });
});

describe("hostile clients", () => {
  let alpha: PeerTransport;
  beforeEach(async () => {
    alpha = await open({ limits: { messageBytesMax: 1_000_000, callBytesMax: 1_000_000, outboxBytes: 1_000_000 } });
    alpha.handle("echo", async (_from, body) => body);
  });

  /** A node with a good certificate that then says what it likes. */
  async function attach(): Promise<{ webSocket: WebSocket; closed: Promise<unknown> }> {
    const { cert, key, ca } = { cert: testPem("bravo"), key: testPem("bravo.key"), ca: testPem("ca") };
    const socket: TLSSocket = connectTls({
      ...parseAddress(alpha.address),
      cert,
      key,
      ca,
      checkServerIdentity: () => undefined,
    });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    const hello = encodeHello({
      nodeId: IDS.bravo,
      software: "evil",
      protocolMin: 1,
      protocolMax: 1,
      instance: "i",
      connection: "c",
      closed: [],
      streamWindowBytes: 1e9,
      bulkWindowBytes: 1e9,
    });
    const webSocket = new WebSocket("ws://murmur/peer", {
      createConnection: () => socket,
      headers: { "murmur-hello": hello },
      perMessageDeflate: false,
    });
    webSocket.on("error", () => {});
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    await once(webSocket, "open");
    return { webSocket, closed };
  }

  it.each<[string, () => (string | Uint8Array)[]]>([
    ["random bytes", () => Array.from({ length: 50 }, (_, count) => randomBytes(1 + count * 20, count))],
    ["text", () => ["hello"]],
    ["an empty frame", () => [new Uint8Array(0)]],
    ["an unknown kind", () => [new Uint8Array([0x3f, 0, 0, 0, 1])]],
    ["a frame that is too large", () => [new Uint8Array(70_000)]],
    ["a request that is no message", () => [encodeFrame({ kind: "request", id: 1, payload: randomBytes(100, 1) })]],
    [
      "an array of four billion",
      () => [encodeFrame({ kind: "message", payload: new Uint8Array([0xdd, 255, 255, 255, 255]) })],
    ],
    [
      "a record definition",
      () => [encodeFrame({ kind: "message", payload: new Uint8Array([0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1]) })],
    ],
    [
      "an id of the other side",
      () => [encodeFrame({ kind: "request", id: 2, payload: new Uint8Array([0x92, 0xa1, 0x61, 1]) })],
    ],
    [
      "an item without end",
      () =>
        Array.from({ length: 40 }, () =>
          encodeFrame({ kind: "request", id: 1, more: true, payload: new Uint8Array(60_000) }),
        ),
    ],
    [
      "unfinished items without end",
      () =>
        Array.from({ length: 100 }, (_, count) =>
          encodeFrame({ kind: "request", id: 2 * count + 1, more: true, payload: new Uint8Array(60_000) }),
        ),
    ],
    ["tiny chunks", () => [encodeFrame({ kind: "request", id: 1, more: true, payload: new Uint8Array(1) })]],
  ])("that send %s are cut off", async (_what, frames) => {
    const { webSocket, closed } = await attach();
    for (const frame of frames()) webSocket.send(frame);
    await closed;
    expect(alpha.stats().connections).toBe(0);
    // The others are served as before.
    const charlie = await open({
      identity: () => testIdentity("charlie", IDS.charlie),
      addressOf: () => alpha.address,
    });
    expect(await charlie.call(IDS.alpha, "echo", "fine")).toBe("fine");
  });

  it("that write more on a stream than they may are cut off", async () => {
    alpha.handleStream("wait", async (_from, _body, stream) => {
      await new Promise((resolve) => stream.signal.addEventListener("abort", resolve));
    });
    const { webSocket, closed } = await attach();
    webSocket.send(
      encodeFrame({ kind: "open", id: 1, payload: new Uint8Array([0x92, 0xa4, 0x77, 0x61, 0x69, 0x74, 1]) }),
    );
    const data = encodeFrame({ kind: "data", id: 1, bulk: true, payload: new Uint8Array(60_000) });
    for (let count = 0; count < 8; count += 1) webSocket.send(data);
    await closed;
    expect(alpha.stats()).toMatchObject({ connections: 0, streams: 0 });
  });

  it("that never read cannot make memory grow", { timeout: 180_000 }, async () => {
    const { webSocket, closed } = await attach();
    webSocket.pause();
    // Each request is answered with a failure that nobody takes.
    const frame = (id: number): Uint8Array =>
      encodeFrame({ kind: "request", id, payload: new Uint8Array([0x92, 0xa1, 0x61, 1]) });
    for (let id = 1; webSocket.readyState === WebSocket.OPEN && id < 2_000_001; id += 2) {
      webSocket.send(frame(id));
      if (id % 2001 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
    expect(alpha.stats().connections).toBe(0);
  });

  it("that send garbage instead of TLS or HTTP don't disturb others", async () => {
    const tcp = connectTcp(parseAddress(alpha.address));
    const tls = connectTls({ ...parseAddress(alpha.address), rejectUnauthorized: false });
    for (const [at, socket] of [tcp, tls].entries()) {
      // Whether it is told so or just cut off depends on what was read by then.
      socket.on("error", () => {});
      const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
      socket.resume().write(randomBytes(2000, 7 + at));
      await closed;
    }
    await expect(join(alpha.address)).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("joining", () => {
  it("shows the authorities that vouch for it, and sends nothing when the check fails", async () => {
    const alpha = await open();
    let asked = 0;
    alpha.handleJoin("join", async () => (asked += 1));
    const chains: string[] = [];
    const caDigestCheck = (chain: string): void => {
      chains.push(chain);
      throw new ClusterError("unauthenticated", "the CA is not the token's");
    };
    await expect(join(alpha.address, { caDigestCheck })).rejects.toMatchObject({
      message: "the CA is not the token's",
    });
    expect(asked).toBe(0);
    expect(chains.map((chain) => chain.trim())).toEqual([testPem("ca").trim()]);
  });

  it.each(["stranger", "forger"])(
    "does not trust a %s who shows the cluster's CA beside a certificate of his own",
    async (who) => {
      const identity = testIdentity(who, nodeId("stranger00000000000000000"), "ca");
      const impostor = await open({ identity: () => identity });
      impostor.handleJoin("join", async () => "token taken");
      await expect(join(impostor.address)).rejects.toMatchObject({
        message: expect.stringContaining("no Murmur node"),
      });
    },
  );

  it("reaches nothing else without a certificate", async () => {
    const alpha = await open();
    alpha.handle("secret", async () => "secret");
    const socket = connectTls({ ...parseAddress(alpha.address), rejectUnauthorized: false });
    const webSocket = new WebSocket("ws://murmur/peer", { createConnection: () => socket });
    webSocket.on("error", () => {});
    const response = await new Promise<{ statusCode?: number | undefined }>((resolve) => {
      webSocket.on("unexpected-response", (_request, answer) => resolve(answer));
    });
    expect(response.statusCode).toBe(403);
    socket.destroy();
  });

  it("is bounded in size and number", async () => {
    const alpha = await open({ limits: { joinsMax: 2, joinTimeoutMs: 45_000 } });
    alpha.handleJoin("join", async (_address, body) => body);
    const enough = Promise.withResolvers<string>();
    let stuck = 0;
    alpha.handleJoin("stuck", () => {
      stuck += 1;
      return enough.promise;
    });
    const large = join(alpha.address, { body: "x".repeat(70_000) });
    await expect(large).rejects.toMatchObject({ code: "invalid_argument" });
    const slow = [1, 2].map(() => join(alpha.address, { method: "stuck" }).catch((error: unknown) => error));
    await until(() => stuck === 2);
    await expect(join(alpha.address)).rejects.toMatchObject({ code: "overloaded" });
    enough.resolve("enough");
    expect(await Promise.all(slow)).toEqual(["enough", "enough"]);
  });

  it("is bounded in time", async () => {
    const alpha = await open({ limits: { joinTimeoutMs: 2_000 } });
    alpha.handleJoin("stuck", () => new Promise(() => {}));
    // The caller would wait for longer than the test: it is the listener that ends it.
    await expect(join(alpha.address, { method: "stuck", timeoutMs: 600_000 })).rejects.toMatchObject({
      code: "timeout",
    });
  });

  it("says what is wrong with the address, in one line", async () => {
    const refused = join("127.0.0.1:1");
    await expect(refused).rejects.toMatchObject({
      code: "unavailable",
      message:
        "cannot reach 127.0.0.1:1: the connection was refused; check that Murmur runs there and listens on that port",
    });
    await expect(join("nonsense")).rejects.toMatchObject({ code: "invalid_argument" });
    const silent = await serve(createTcpServer(() => {}));
    await expect(join(silent, { timeoutMs: 200 })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("no answer in time"),
    });
  });

  it("says that something else listens there", async () => {
    const http = await serve(createHttpServer((_request, response) => void response.end("hello")));
    await expect(join(http)).rejects.toMatchObject({ message: expect.stringContaining("no Murmur node") });
    const { cert, key } = { cert: `${testPem("alpha")}\n${testPem("ca")}`, key: testPem("alpha.key") };
    const tls = await serve(createTlsServer({ cert, key }, (socket) => socket.end("220 mail\r\n")));
    await expect(join(tls)).rejects.toMatchObject({ message: expect.stringContaining("no Murmur node") });
  });

  it("refuses a member of an incompatible version, naming both", async () => {
    const alpha = await open({ software: "9.0.0", protocol: { min: 5, max: 6 } });
    await expect(join(alpha.address)).rejects.toMatchObject({
      code: "incompatible_version",
      message: expect.stringMatching(/9\.0\.0.*1\.0\.0|1\.0\.0.*9\.0\.0/),
    });
  });

  it("ends when its signal is aborted", async () => {
    const silent = await serve(createTcpServer(() => {}));
    await expect(join(silent, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: "cancelled" });
  });
});

function randomBytes(length: number, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  return Uint8Array.from({ length }, () => random.below(256));
}
