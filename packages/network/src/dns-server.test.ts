import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { decode, encode, type Answer, type DecodedPacket, type Packet } from "dns-packet";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { NO_SUSPECTS } from "@murmur/discovery";
import { taskId } from "@murmur/model";
import { FLAG } from "./dns-query.ts";
import { DnsServer } from "./dns-server.ts";
import { withLength } from "./dns-stream.ts";
import { endpoint, freePort, ports, service, table, until } from "./fixture.ts";

let world: ReturnType<typeof ports>;
let server: DnsServer;
let port: number;

beforeEach(() => {
  world = ports();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  expect(world.clock.pending).toBe(0);
});

const endpoints = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    endpoint({ task: `t${String(index)}`, hostPort: 30_000, address: `10.0.0.${String(index)}` }),
  );

async function start(upstreams: readonly string[] = [], tasks = 2): Promise<void> {
  server = new DnsServer({ address: "127.0.0.1:0", upstreams, ...world });
  server.update(table(service("web", 80, endpoints(tasks))));
  server.start();
  await untilListening();
  port = server.listeners()[0]?.port ?? 0;
}

/** A port that was free for UDP may be taken for TCP: the server then tries again, with another one. */
async function untilListening(): Promise<void> {
  await until(() => {
    const state = server.listeners()[0]?.state;
    if (state === "failed") void world.clock.advance(250);
    return state === "listening";
  });
}

const question = (name: string, type: "A" | "SRV" | "TXT" = "A"): Packet => ({
  type: "query",
  id: 4_242,
  flags: FLAG.RD,
  questions: [{ name, type }],
});
const edns = (payload: number): Packet["additionals"] => [
  {
    type: "OPT",
    name: ".",
    udpPayloadSize: payload,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  },
];

async function byUdp(packet: Packet | Buffer): Promise<DecodedPacket & { readonly rcode?: string }> {
  const socket = createSocket("udp4");
  const answer = once(socket, "message");
  socket.send(Buffer.isBuffer(packet) ? packet : encode(packet), port, "127.0.0.1");
  const [bytes] = (await answer) as [Buffer];
  socket.close();
  return decode(bytes);
}

/** Sends all questions in one piece, and reads one answer to each. */
async function byTcp(...packets: readonly Packet[]): Promise<readonly DecodedPacket[]> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.end(Buffer.concat(packets.map((packet) => withLength(encode(packet)))));
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  const answers: DecodedPacket[] = [];
  for (let rest = Buffer.concat(chunks); rest.length > 0; rest = rest.subarray(2 + rest.readUInt16BE(0))) {
    answers.push(decode(rest.subarray(2, 2 + rest.readUInt16BE(0))));
  }
  return answers;
}

type Reply = (query: DecodedPacket, bytes: Buffer) => Packet | Buffer | undefined;

/** A server upstream that answers by both ways, and counts what it was asked. */
async function upstream(onUdp: Reply | readonly Reply[], onTcp: Reply = () => undefined) {
  const log = { udp: 0, tcp: 0, from: new Set<number>(), ids: new Set<number>() };
  const answer = (reply: Reply, bytes: Buffer): Buffer | undefined => {
    const query = decode(bytes);
    log.ids.add(query.id ?? -1);
    const packet = reply(query, bytes);
    return packet === undefined || Buffer.isBuffer(packet) ? packet : encode(packet);
  };
  const tcp = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      log.tcp += 1;
      const bytes = answer(onTcp, chunk.subarray(2));
      if (bytes !== undefined) socket.end(withLength(bytes));
    });
  });
  const number = await freePort();
  tcp.listen(number, "127.0.0.1");
  await once(tcp, "listening");
  const udp = createSocket("udp4");
  udp.on("message", (bytes, from) => {
    log.udp += 1;
    log.from.add(from.port);
    for (const onUdpTurn of typeof onUdp === "function" ? [onUdp] : onUdp) {
      const reply = answer(onUdpTurn, bytes);
      if (reply !== undefined) udp.send(reply, from.port, from.address);
    }
  });
  udp.bind(number, "127.0.0.1");
  await once(udp, "listening");
  return {
    address: `127.0.0.1:${String(number)}`,
    log,
    async [Symbol.asyncDispose]() {
      udp.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

const replying =
  (answers: readonly Answer[], flags = 0): Reply =>
  ({ id, questions }) => ({ type: "response", id: id ?? 0, flags, questions: questions ?? [], answers: [...answers] });
const address = (data: string): Answer => ({ type: "A", name: "example.org", ttl: 300, data });

it("answers the cluster's names by UDP and TCP, the name's case kept", async () => {
  await start();
  const packet = question("WEB.Default.murmur.internal");
  for (const answer of [await byUdp(packet), ...(await byTcp(packet, packet))]) {
    expect(answer).toMatchObject({ id: 4_242, rcode: "NOERROR", flag_aa: true, flag_tc: false, flag_ra: false });
    expect(answer.questions).toMatchObject([{ name: "WEB.Default.murmur.internal" }]);
    expect(answer.answers?.map((record) => ("data" in record ? record.data : "")).toSorted()).toEqual([
      "10.0.0.0",
      "10.0.0.1",
    ]);
    expect(answer.answers?.[0]).toMatchObject({ name: "WEB.Default.murmur.internal", ttl: 1 });
  }
  expect(server.stats()).toMatchObject({ queries: 3, forwarded: 0 });
});

it("says that a name does not exist, or has no such record, with the SOA", async () => {
  await start();
  const nothing = {
    rcode: "NXDOMAIN",
    flag_aa: true,
    answers: [],
    authorities: [{ type: "SOA", name: "murmur.internal" }],
  };
  expect(await byUdp(question("nope.murmur.internal"))).toMatchObject(nothing);
  expect(await byUdp(question("web.murmur.internal", "TXT"))).toMatchObject({ ...nothing, rcode: "NOERROR" });
});

it("answers from the newest table, without those that are suspected", async () => {
  await start();
  server.avoid({ ...NO_SUSPECTS, withdrawn: new Set([taskId("t0")]) });
  expect((await byUdp(question("web.murmur.internal"))).answers).toMatchObject([{ data: "10.0.0.1" }]);
  server.update(table());
  expect(await byUdp(question("web.murmur.internal"))).toMatchObject({ rcode: "NXDOMAIN" });
});

it("knows nothing before it has a table, and says so", async () => {
  server = new DnsServer({ address: "127.0.0.1:0", upstreams: [], ...world });
  server.start();
  await untilListening();
  port = server.listeners()[0]?.port ?? 0;
  expect(await byUdp(question("web.murmur.internal"))).toMatchObject({ rcode: "SERVFAIL", flag_aa: false });
});

it("cuts what is too long for UDP, and gives the whole by TCP", async () => {
  await start([], 64);
  const packet = question("web.murmur.internal");
  const plain = await byUdp(packet);
  expect(plain).toMatchObject({ flag_tc: true, additionals: [] });
  const extended = await byUdp({ ...packet, additionals: edns(4_096) });
  expect(extended).toMatchObject({ flag_tc: false, additionals: [{ type: "OPT", udpPayloadSize: 1_232 }] });
  expect(extended.answers).toHaveLength(64);
  expect((await byTcp(packet))[0]).toMatchObject({ flag_tc: false });
  expect((await byTcp(packet))[0]?.answers).toHaveLength(64);
});

it("refuses what it can't answer", async () => {
  await start();
  const bytes = encode(question("web.murmur.internal"));
  const twoQuestions = Buffer.from(bytes);
  twoQuestions.writeUInt16BE(2, 4);
  expect(await byUdp(twoQuestions)).toMatchObject({ id: 4_242, rcode: "FORMERR" });
  const update = Buffer.from(bytes);
  update.writeUInt16BE(0x2800, 2);
  expect(await byUdp(update)).toMatchObject({ rcode: "NOTIMP", opcode: "UPDATE" });
  expect(
    await byUdp({ ...question("version.bind"), questions: [{ name: "version.bind", type: "TXT", class: "CH" }] }),
  ).toMatchObject({ rcode: "REFUSED" });
  expect(await byUdp({ ...question("x"), questions: [{ name: "murmur.internal", type: "AXFR" }] })).toMatchObject({
    rcode: "REFUSED",
  });
  expect(await byUdp(question("example.org"))).toMatchObject({ rcode: "REFUSED", flag_ra: false });
});

it("survives anything that arrives by UDP and TCP", async () => {
  await start();
  const whole = encode({ ...question("web.murmur.internal"), additionals: edns(1_232) });
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 });
  const mutated = changes.map((pairs) => {
    const copy = Buffer.from(whole);
    for (const [at, value] of pairs) copy[at] = value;
    return copy;
  });
  await fc.assert(
    fc.asyncProperty(mutated, fc.constantFrom("udp", "tcp"), async (bytes, way) => {
      const answer = await server.answer(bytes, way);
      if (answer === undefined) return;
      expect(answer.readUInt16BE(0)).toBe(bytes.readUInt16BE(0));
      expect(answer.readUInt16BE(2) & FLAG.QR).toBe(FLAG.QR);
      if (way === "udp") expect(answer.length).toBeLessThanOrEqual(1_232);
    }),
    { numRuns: 3_000 },
  );
  const socket = connect({ host: "127.0.0.1", port });
  socket.write(Buffer.from([0, 3, 1, 2, 3]));
  socket.resume();
  await once(socket, "close");
  expect(await byUdp(question("web.murmur.internal"))).toMatchObject({ rcode: "NOERROR" });
});

it("closes connections that ask nothing", async () => {
  await start();
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(Buffer.from([0]));
  socket.resume();
  await until(() => world.clock.pending > 0);
  await world.clock.advance(9_999);
  expect(socket.destroyed).toBe(false);
  await world.clock.advance(1);
  await until(() => socket.closed);
});

it("forwards other names, each time from another port and under another id", async () => {
  await using other = await upstream(replying([address("93.184.216.34")], FLAG.RA));
  await start([other.address]);
  for (let count = 0; count < 5; count += 1) {
    const answer = await byUdp(question("Example.org"));
    expect(answer).toMatchObject({ id: 4_242, rcode: "NOERROR", flag_aa: false, flag_ra: true });
    expect(answer.questions).toMatchObject([{ name: "Example.org" }]);
    expect(answer.answers).toMatchObject([{ data: "93.184.216.34", ttl: 300 }]);
  }
  expect(other.log.from.size).toBeGreaterThan(1);
  expect(other.log.ids.size).toBeGreaterThan(1);
  expect(server.stats()).toMatchObject({ queries: 5, forwarded: 5, failed: 0 });
});

it("never asks others about its own zone, nor for those who don't want it", async () => {
  await using other = await upstream(replying([address("10.9.9.9")]));
  await start([other.address]);
  server.update(table());
  expect(await byUdp(question("web.murmur.internal"))).toMatchObject({ rcode: "NXDOMAIN" });
  expect(await byUdp({ ...question("example.org"), flags: 0 })).toMatchObject({ rcode: "REFUSED" });
  expect(other.log.udp).toBe(0);
});

it("asks once what several ask at the same time, and the next server when the first is silent", async () => {
  await using silent = await upstream(() => undefined);
  await using other = await upstream(replying([address("10.1.1.1")]));
  await start([silent.address, other.address]);
  const asked = ["example.org", "EXAMPLE.org", "example.ORG"].map((name) => byUdp(question(name)));
  await until(() => silent.log.udp === 1 && server.stats().forwarded === 3);
  await world.clock.advance(2_000);
  const answers = await Promise.all(asked);
  expect(answers.map(({ questions }) => questions?.[0]?.name)).toEqual(["example.org", "EXAMPLE.org", "example.ORG"]);
  expect(answers.map(({ answers: found }) => found?.length)).toEqual([1, 1, 1]);
  expect([silent.log.udp, other.log.udp]).toEqual([1, 1]);
  // The one that answered is asked first from now on.
  await byUdp(question("example.org"));
  expect([silent.log.udp, other.log.udp]).toEqual([1, 2]);
});

it("goes to the next server when one fails or isn't there, and says when all do", async () => {
  const gone = `127.0.0.1:${String(await freePort())}`;
  await using failing = await upstream(replying([], 2));
  await using good = await upstream(replying([address("10.1.1.1")]));
  await start([gone, failing.address, good.address]);
  expect((await byUdp(question("example.org"))).answers).toMatchObject([{ data: "10.1.1.1" }]);
  expect(failing.log.udp).toBe(1);
  await server[Symbol.asyncDispose]();
  await start([gone]);
  expect(await byUdp(question("example.org"))).toMatchObject({ rcode: "SERVFAIL" });
  expect(server.stats().failed).toBe(1);
});

it("takes no answer to another question or under another id, and waits for the true one", async () => {
  const truth = replying([address("10.1.1.1")]);
  const lies: readonly Reply[] = [
    (query, bytes) => ({ ...(truth(query, bytes) as Packet), id: ((query.id ?? 0) + 1) % 65_536 }),
    (query, bytes) => ({ ...(truth(query, bytes) as Packet), questions: [{ name: "evil.org", type: "A" }] }),
    (query, bytes) => ({ ...(truth(query, bytes) as Packet), questions: [] }),
    (_query, bytes) => bytes,
    (_query, bytes) => bytes.subarray(0, 11),
  ];
  await using honest = await upstream([...lies, truth]);
  await start([honest.address]);
  expect((await byUdp(question("example.org"))).answers).toMatchObject([{ data: "10.1.1.1" }]);
  await server[Symbol.asyncDispose]();

  await using liar = await upstream(lies);
  await start([liar.address]);
  const asked = byUdp(question("example.org"));
  for (const attempt of [1, 2]) {
    await until(() => liar.log.udp === attempt);
    await world.clock.advance(2_000);
  }
  expect(await asked).toMatchObject({ rcode: "SERVFAIL", answers: [] });
});

it("comes back by TCP for who came by TCP, and passes the cut on to who came by UDP", async () => {
  const many = Array.from({ length: 100 }, (_, index) => address(`10.0.1.${String(index)}`));
  await using other = await upstream(replying([], FLAG.TC), replying(many));
  await start([other.address]);
  expect(await byUdp(question("example.org"))).toMatchObject({ flag_tc: true, answers: [] });
  expect(other.log.tcp).toBe(0);
  const [whole] = await byTcp(question("example.org"));
  expect(whole).toMatchObject({ flag_tc: false, id: 4_242 });
  expect(whole?.answers).toHaveLength(100);
});

it("cuts what a server upstream sent too long", async () => {
  const many = Array.from({ length: 100 }, (_, index) => address(`10.0.1.${String(index)}`));
  await using other = await upstream(replying(many));
  await start([other.address]);
  expect(await byUdp(question("example.org"))).toMatchObject({ flag_tc: true, answers: [], id: 4_242 });
});

it.each([
  ["different questions", 4_096, (index: number) => `name-${String(index)}.org`],
  ["askers of one question", 16_384, () => "same.org"],
])("lets no more than so many %s wait, and tells others to try later", async (_what, most, name) => {
  await using silent = await upstream(() => undefined);
  await start([silent.address]);
  let answered = 0;
  const ask = async (index: number): Promise<number> => {
    const answer = await server.answer(encode(question(name(index))), "udp");
    answered += 1;
    return (answer?.readUInt16BE(2) ?? 0) & 0x0f;
  };
  const waiting = Array.from({ length: most }, (_, index) => ask(index));
  expect(await ask(most)).toBe(2);
  expect(answered).toBe(1);
  await server[Symbol.asyncDispose]();
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([2]));
});

it("does not ask itself", async () => {
  server = new DnsServer({ address: "127.0.0.1:5399", upstreams: ["127.0.0.1:5399"], ...world });
  const answer = await server.answer(encode(question("example.org")), "udp");
  expect(decode(answer ?? Buffer.alloc(0))).toMatchObject({ rcode: "REFUSED" });
});

it("says that its address is in use, and opens it once it is free", async () => {
  const blocker = createSocket("udp4");
  // For both protocols: a port that UDP alone has may be one of TCP's that is not free yet.
  const number = await freePort();
  blocker.bind(number, "127.0.0.1");
  await once(blocker, "listening");
  server = new DnsServer({ address: `127.0.0.1:${String(number)}`, upstreams: [], ...world });
  server.start();
  await until(() => server.listeners()[0]?.state === "failed");
  expect(server.listeners()[0]?.error).toBe(`port ${String(number)}/dns is in use by another program`);
  await new Promise<void>((resolve) => blocker.close(resolve));
  await world.clock.advance(250);
  await untilListening();
});
