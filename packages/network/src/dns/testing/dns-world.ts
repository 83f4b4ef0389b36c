import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { decode, encode, type Answer, type DecodedPacket, type Packet } from "dns-packet";
import { endpoint, freePort, ports, service, table, until } from "../../fixture.ts";
import { FLAG } from "../query.ts";
import { DnsServer, type DnsServerOptions } from "../server.ts";
import { withLength } from "../stream.ts";

/** What the tests of the DNS server share: one that listens, and servers upstream. Nothing else imports it. */

export type TestServer = DnsServer & { readonly world: ReturnType<typeof ports>; readonly port: number };

const endpoints = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    endpoint({ task: `t${String(index)}`, hostPort: 30_000, address: `10.0.0.${String(index)}` }),
  );

/** A server with the service `web` of so many tasks; 0: without a table. */
export async function startServer(
  upstreams: readonly string[] = [],
  tasks = 2,
  options: Partial<DnsServerOptions> = {},
): Promise<TestServer> {
  const world = ports();
  const server = new DnsServer({ address: "127.0.0.1:0", upstreams, ...world, ...options });
  if (tasks > 0) server.update(table(service("web", 80, endpoints(tasks))));
  server.start();
  await until(() => server.listeners()[0]?.state === "listening");
  return Object.assign(server, { world, port: server.listeners()[0]?.port ?? 0 });
}

export const question = (name: string, type: "A" | "SRV" | "TXT" = "A"): Packet => ({
  type: "query",
  id: 4_242,
  flags: FLAG.RD,
  questions: [{ name, type }],
});
export const edns = (payload: number): Packet["additionals"] => [
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

export async function byUdp(
  port: number,
  packet: Packet | Buffer,
): Promise<DecodedPacket & { readonly rcode?: string }> {
  const socket = createSocket("udp4");
  const answer = once(socket, "message");
  socket.send(Buffer.isBuffer(packet) ? packet : encode(packet), port, "127.0.0.1");
  const [bytes] = (await answer) as [Buffer];
  socket.close();
  return decode(bytes);
}

/** Sends all questions in one piece, and reads one answer to each. */
export async function byTcp(port: number, ...packets: readonly Packet[]): Promise<readonly DecodedPacket[]> {
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

export type Reply = (query: DecodedPacket, bytes: Buffer) => Packet | Buffer | undefined;

/** A server upstream that answers by both ways, and counts what it was asked. */
export async function upstream(onUdp: Reply | readonly Reply[], onTcp: Reply = () => undefined) {
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

export const replying =
  (answers: readonly Answer[], flags = 0): Reply =>
  ({ id, questions }) => ({ type: "response", id: id ?? 0, flags, questions: questions ?? [], answers: [...answers] });
export const address = (data: string): Answer => ({ type: "A", name: "example.org", ttl: 300, data });
