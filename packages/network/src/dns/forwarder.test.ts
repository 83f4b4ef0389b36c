import { createSocket } from "node:dgram";
import { once } from "node:events";
import { decode, encode, type Packet } from "dns-packet";
import { afterEach, expect, it } from "vitest";
import { endpoint, freePort, service, table, until } from "../fixture.ts";
import {
  address,
  byTcp,
  byUdp,
  question,
  replying,
  startServer,
  upstream,
  type Reply,
  type TestServer,
} from "./testing/dns-world.ts";
import { FLAG } from "./query.ts";

let server: TestServer;
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  expect(server.world.clock.pending).toBe(0);
});

/** A server upstream that answers nobody until it is told to. */
async function slowUpstream(reply: Reply, held: (() => void)[]) {
  const udp = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  udp.on("message", (bytes, from) => {
    const answer = reply(decode(bytes), bytes);
    if (answer === undefined || Buffer.isBuffer(answer)) return;
    held.push(() => udp.send(encode(answer), from.port, from.address));
  });
  udp.bind(0, "127.0.0.1");
  await once(udp, "listening");
  return { address: `127.0.0.1:${String(udp.address().port)}`, [Symbol.asyncDispose]: async () => void udp.close() };
}

it("forwards other names, each time from another port and under another id", async () => {
  await using other = await upstream(replying([address("93.184.216.34")], FLAG.RA));
  server = await startServer([other.address]);
  for (let count = 0; count < 5; count += 1) {
    const name = `Example${String(count)}.org`;
    const answer = await byUdp(server.port, question(name));
    expect(answer).toMatchObject({ id: 4_242, rcode: "NOERROR", flag_aa: false, flag_ra: true });
    expect(answer.questions).toMatchObject([{ name }]);
    expect(answer.answers).toMatchObject([{ data: "93.184.216.34", ttl: 300 }]);
  }
  expect(other.log.from.size).toBeGreaterThan(1);
  expect(other.log.ids.size).toBeGreaterThan(1);
  expect(server.stats()).toMatchObject({ queries: 5, forwarded: 5, failed: 0 });
});

it("never asks others about its own zone, nor for those who don't want it", async () => {
  await using other = await upstream(replying([address("10.9.9.9")]));
  server = await startServer([other.address]);
  server.update(table());
  expect(await byUdp(server.port, question("web.murmur.internal"))).toMatchObject({ rcode: "NXDOMAIN" });
  expect(await byUdp(server.port, { ...question("example.org"), flags: 0 })).toMatchObject({ rcode: "REFUSED" });
  expect(other.log.udp).toBe(0);
});

it("asks once what several ask at the same time, and the next server when the first is silent", async () => {
  await using silent = await upstream(() => undefined);
  await using other = await upstream(replying([address("10.1.1.1")]));
  server = await startServer([silent.address, other.address]);
  const asked = ["example.org", "EXAMPLE.org", "example.ORG"].map((name) => byUdp(server.port, question(name)));
  await until(() => silent.log.udp === 1 && server.stats().forwarded === 3);
  await server.world.clock.advance(1_500);
  const answers = await Promise.all(asked);
  expect(answers.map(({ questions }) => questions?.[0]?.name)).toEqual(["example.org", "EXAMPLE.org", "example.ORG"]);
  expect(answers.map(({ answers: found }) => found?.length)).toEqual([1, 1, 1]);
  expect([silent.log.udp, other.log.udp]).toEqual([1, 1]);
});

it("sets a server aside that was silent three times, tries it again beside the others, and takes it back", async () => {
  const first = { isUp: false };
  const truth = replying([address("10.1.1.1")]);
  await using flaky = await upstream((query, bytes) => (first.isUp ? truth(query, bytes) : undefined));
  await using other = await upstream(replying([address("10.2.2.2")]));
  server = await startServer([flaky.address, other.address]);
  const { clock } = server.world;
  let names = 0;
  const ask = () => byUdp(server.port, question(`name-${String((names += 1))}.org`));
  for (const silent of [1, 2, 3]) {
    const asked = ask();
    await until(() => flaky.log.udp === silent);
    await clock.advance(1_500);
    expect((await asked).answers).toMatchObject([{ data: "10.2.2.2" }]);
  }
  // Nobody waits for it any more, nor for the look whether it is back.
  expect((await ask()).answers).toMatchObject([{ data: "10.2.2.2" }]);
  expect(flaky.log.udp).toBe(3);
  await clock.advance(5_000);
  first.isUp = true;
  expect((await ask()).answers).toMatchObject([{ data: "10.2.2.2" }]);
  await until(() => flaky.log.udp === 4);
  // Its answer, and then the clock that it was waited for with.
  await until(() => clock.pending === 0);
  expect((await ask()).answers).toMatchObject([{ data: "10.1.1.1" }]);
});

it("answers from what it has heard, for as long as that holds, to each in its own way", async () => {
  await using other = await upstream(replying([address("10.1.1.1")]));
  server = await startServer([other.address]);
  await byUdp(server.port, question("example.org"));
  await server.world.clock.advance(100_000);
  const later = await byUdp(server.port, { ...question("EXAMPLE.org"), id: 99 });
  expect(later).toMatchObject({ id: 99, questions: [{ name: "EXAMPLE.org" }], answers: [{ ttl: 200 }] });
  expect((await byTcp(server.port, question("example.org")))[0]).toMatchObject({ answers: [{ ttl: 200 }] });
  expect(other.log.udp).toBe(1);
  await server.world.clock.advance(200_000);
  expect(await byUdp(server.port, question("example.org"))).toMatchObject({ answers: [{ ttl: 300 }] });
  expect(other.log.udp).toBe(2);
});

it("never keeps an answer about the cluster", async () => {
  await using other = await upstream(replying([address("10.1.1.1")]));
  server = await startServer([other.address], 0);
  server.update(table());
  expect((await byUdp(server.port, question("web"))).answers).toMatchObject([{ data: "10.1.1.1" }]);
  server.update(table(service("web", 80, [endpoint({ task: "t", hostPort: 1, address: "10.0.0.7" })])));
  expect((await byUdp(server.port, question("web"))).answers).toMatchObject([{ data: "10.0.0.7" }]);
});

it("goes to the next server when one fails or isn't there, and says when all do", async () => {
  const gone = `127.0.0.1:${String(await freePort())}`;
  await using failing = await upstream(replying([], 2));
  await using good = await upstream(replying([address("10.1.1.1")]));
  server = await startServer([gone, failing.address, good.address]);
  expect((await byUdp(server.port, question("example.org"))).answers).toMatchObject([{ data: "10.1.1.1" }]);
  expect(failing.log.udp).toBe(1);
  await server[Symbol.asyncDispose]();
  server = await startServer([gone]);
  expect(await byUdp(server.port, question("example.org"))).toMatchObject({ rcode: "SERVFAIL" });
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
  server = await startServer([honest.address]);
  expect((await byUdp(server.port, question("example.org"))).answers).toMatchObject([{ data: "10.1.1.1" }]);
  await server[Symbol.asyncDispose]();

  await using liar = await upstream(lies);
  server = await startServer([liar.address]);
  const asked = byUdp(server.port, question("example.org"));
  for (const attempt of [1, 2]) {
    await until(() => liar.log.udp === attempt);
    await server.world.clock.advance(1_500);
  }
  expect(await asked).toMatchObject({ rcode: "SERVFAIL", answers: [] });
});

it("asks by TCP for what was cut, and passes a cut on only where the asker can't take more", async () => {
  const many = Array.from({ length: 100 }, (_, index) => address(`10.0.1.${String(index)}`));
  await using other = await upstream(replying([], FLAG.TC), replying(many));
  server = await startServer([other.address]);
  expect(await byUdp(server.port, question("example.org"))).toMatchObject({ flag_tc: true, answers: [] });
  const [whole] = await byTcp(server.port, question("example.org"));
  expect(whole).toMatchObject({ flag_tc: false, id: 4_242 });
  expect(whole?.answers).toHaveLength(100);
  expect(other.log.tcp).toBe(1);
});

it("passes on what was cut when TCP leads nowhere", async () => {
  const some = [address("10.0.1.1")];
  await using other = await upstream(replying(some, FLAG.TC), () => Buffer.alloc(3));
  server = await startServer([other.address]);
  expect(await byUdp(server.port, question("example.org"))).toMatchObject({ flag_tc: true, answers: [{}] });
});

it("takes a damaged answer for none", async () => {
  const truth = replying([address("10.1.1.1")]);
  await using damaging = await upstream((query, bytes) => encode(truth(query, bytes) as Packet).subarray(0, -1));
  await using good = await upstream(truth);
  server = await startServer([damaging.address, good.address]);
  expect((await byUdp(server.port, question("example.org"))).answers).toMatchObject([{ data: "10.1.1.1" }]);
});

it("cuts what a server upstream sent too long", async () => {
  const many = Array.from({ length: 100 }, (_, index) => address(`10.0.1.${String(index)}`));
  await using other = await upstream(replying(many));
  server = await startServer([other.address]);
  expect(await byUdp(server.port, question("example.org"))).toMatchObject({ flag_tc: true, answers: [], id: 4_242 });
});

it.each([
  ["different questions", 2_048, (index: number) => `name-${String(index)}.org`],
  ["askers of one question", 8_192, () => "same.org"],
])("lets one client wait for half of all %s, and others nevertheless", async (_what, share, name) => {
  await using silent = await upstream(() => undefined);
  server = await startServer([silent.address]);
  const answered: number[] = [];
  const ask = async (index: number, client: string): Promise<void> => {
    const answer = await server.answer(encode(question(name(index))), "udp", client);
    answered.push((answer?.readUInt16BE(2) ?? 0) & 0x0f);
  };
  const flood = Array.from({ length: share }, (_, index) => ask(index, "10.0.0.1"));
  await ask(share, "10.0.0.1");
  expect(answered).toEqual([2]);
  const others = Array.from({ length: 100 }, (_, index) => ask(100_000 + index, `10.0.1.${String(index)}`));
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toEqual([2]);
  await server[Symbol.asyncDispose]();
  await Promise.all([...flood, ...others]);
  expect(new Set(answered)).toEqual(new Set([2]));
});

it("answers two thousand different questions that wait at once", async () => {
  const held: (() => void)[] = [];
  const truth = replying([address("10.1.1.1")]);
  await using slow = await slowUpstream(truth, held);
  server = await startServer([slow.address]);
  const asked: Promise<Buffer | undefined>[] = [];
  while (asked.length < 2_000) {
    for (let count = 0; count < 100; count += 1) {
      const name = `name-${String(asked.length)}.org`;
      asked.push(Promise.resolve(server.answer(encode(question(name)), "udp", "10.0.0.1")));
    }
    // No more at once than any kernel keeps for a socket that is read in the next turn.
    await until(() => held.length === asked.length);
  }
  for (const release of held) release();
  const answers = await Promise.all(asked);
  expect(answers.every((bytes) => bytes !== undefined && decode(bytes).answers?.length === 1)).toBe(true);
});
