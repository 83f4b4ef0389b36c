import { encode, type Answer, type Packet } from "dns-packet";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { FLAG } from "./query.ts";
import { readResponse } from "./response.ts";

const a = (ttl: number): Answer => ({ type: "A", name: "x.org", ttl, data: "1.2.3.4" });
const soa = (ttl: number, minimum: number): Answer => ({
  type: "SOA",
  name: "org",
  ttl,
  data: { mname: "a.org", rname: "b.org", serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
const opt: Answer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: 1_232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
} as never;
const response = (packet: Packet, flags = 0): Buffer =>
  encode({ type: "response", id: 1, flags, questions: [{ name: "x.org", type: "A" }], ...packet });

it.each<readonly [string, Buffer, number]>([
  ["an answer: its least time to live", response({ answers: [a(300), a(20)], additionals: [opt] }), 20],
  ["an answer: five minutes at most", response({ answers: [a(86_400)] }), 300],
  ["an answer that may not be kept", response({ answers: [a(0), a(20)] }), 0],
  ["a time to live with the top bit", response({ answers: [a(0x8000_0001)] }), 0],
  ["no such name: what the SOA says", response({ authorities: [soa(60, 5)] }, 3), 5],
  ["no such record: the SOA's own time", response({ authorities: [soa(7, 60)] }), 7],
  ["a negative answer: half a minute at most", response({ authorities: [soa(900, 900)] }, 3), 30],
  ["no such name without a SOA", response({}, 3), 0],
  ["a referral", response({ authorities: [{ type: "NS", name: "org", ttl: 60, data: "ns.org" }] }), 0],
  ["a failure", response({ answers: [a(60)] }, 2), 0],
  ["what was cut", response({ answers: [a(60)] }, FLAG.TC), 0],
])("keeps %s", (_what, bytes, keepS) => expect(readResponse(bytes)).toMatchObject({ keepS }));

it("finds each time to live, and passes over what EDNS has in its place", () => {
  const bytes = response({ answers: [a(7)], authorities: [soa(8, 9)], additionals: [opt, a(10)] });
  const found = readResponse(bytes)?.ttlOffsets.map((at) => bytes.readUInt32BE(at));
  expect(found).toEqual([7, 8, 10]);
});

it.each([
  ["a query", encode({ type: "query", questions: [{ name: "x.org", type: "A" }] })],
  ["what is cut short", response({ answers: [a(7)] }).subarray(0, -1)],
  ["what goes on", Buffer.concat([response({ answers: [a(7)] }), Buffer.alloc(1)])],
  ["no header", Buffer.alloc(11, 0x80)],
])("refuses %s", (_what, bytes) => expect(readResponse(bytes)).toBeUndefined());

it("reads anything without failing, and finds no time to live outside the message", () => {
  const whole = response({ answers: [a(7), a(8)], authorities: [soa(8, 9)], additionals: [opt] });
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(changes, fc.nat(whole.length), (pairs, length) => {
      const bytes = Buffer.from(whole).subarray(0, length);
      for (const [at, value] of pairs) if (at < length) bytes[at] = value;
      const read = readResponse(bytes);
      for (const at of read?.ttlOffsets ?? []) expect(at + 4).toBeLessThanOrEqual(bytes.length);
      expect(read?.keepS ?? 0).toBeLessThanOrEqual(300);
    }),
    { numRuns: 5_000 },
  );
});
