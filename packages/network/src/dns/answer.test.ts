import { decode, encode } from "dns-packet";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { DnsRecord } from "@murmur/discovery";
import { TCP_BYTES_MAX, udpLimit, writeAnswer, type AnswerContent } from "./answer.ts";
import { FLAG, readQuery, type DnsQuery } from "./query.ts";

/** The messages are read back by another implementation. */
function query(name: string, edns?: { payloadBytes: number; wantsDnssec: boolean }): DnsQuery {
  const read = readQuery(encode({ type: "query", id: 4_711, flags: FLAG.RD, questions: [{ name, type: "A" }] }));
  if (read.kind !== "query") throw new Error("not a query");
  return { ...read.query, edns };
}

const found = (answers: readonly DnsRecord[], rest: Partial<AnswerContent> = {}): AnswerContent => ({
  rcode: "NOERROR",
  flags: FLAG.AA,
  answers,
  ...rest,
});
const a = (name: string, data: string): DnsRecord => ({ name, ttl: 1, type: "A", data });

it("writes every kind of record", () => {
  const soa = { mname: "ns.x.y", rname: "root.x.y", serial: 9, refresh: 60, retry: 10, expire: 60, minimum: 1 };
  const answers: DnsRecord[] = [
    a("Web.x.y", "10.1.2.3"),
    { name: "Web.x.y", ttl: 1, type: "AAAA", data: "2001:db8::5" },
    { name: "Web.x.y", ttl: 1, type: "SRV", data: { priority: 0, weight: 1, port: 80, target: "t1.Web.x.y" } },
    { name: "Web.x.y", ttl: 1, type: "HINFO", data: { cpu: "RFC8482", os: "" } },
  ];
  const authorities: DnsRecord[] = [{ name: "x.y", ttl: 1, type: "SOA", data: soa }];
  const bytes = writeAnswer(
    query("Web.x.y"),
    found(answers, { authorities, additionals: [a("t1.Web.x.y", "10.1.2.4")] }),
    512,
  );
  const message = decode(bytes);
  expect(message).toMatchObject({ id: 4_711, flag_qr: true, flag_aa: true, flag_rd: true, flag_tc: false });
  expect(message.questions).toMatchObject([{ name: "Web.x.y", type: "A" }]);
  expect(message.answers).toMatchObject(answers);
  expect(message.authorities).toMatchObject(authorities);
  expect(message.additionals).toMatchObject([{ name: "t1.Web.x.y", data: "10.1.2.4" }]);
});

it("repeats names as pointers, but for the target of SRV, that RFC 2782 wants whole", () => {
  const name = "web.default.murmur.internal";
  const one = writeAnswer(query(name), found([a(name, "10.0.0.1")]), 512);
  const two = writeAnswer(query(name), found([a(name, "10.0.0.1"), a(name, "10.0.0.2")]), 512);
  expect(two.length - one.length).toBe(16);
  const target = `t1.${name}`;
  const srv: DnsRecord = { name, ttl: 1, type: "SRV", data: { priority: 0, weight: 1, port: 80, target } };
  const whole = writeAnswer(query(name), found([srv]), 512);
  expect(whole.includes(Buffer.from("\u0002t1\u0003web\u0007default\u0006murmur\u0008internal\0"))).toBe(true);
});

it("answers EDNS with EDNS, and only then", () => {
  const bytes = writeAnswer(
    query("x", { payloadBytes: 4_096, wantsDnssec: true }),
    { rcode: "BADVERS", flags: 0 },
    512,
  );
  expect(decode(bytes).additionals).toMatchObject([
    { type: "OPT", name: ".", udpPayloadSize: 1_232, extendedRcode: 1, ednsVersion: 0, flag_do: true },
  ]);
  expect(decode(writeAnswer(query("x"), { rcode: "REFUSED", flags: 0 }, 512)).additionals).toEqual([]);
});

it("takes the asker's payload size between 512 and 1,232 bytes", () => {
  const limits = [0, 511, 900, 1_232, 65_535].map((payloadBytes) =>
    udpLimit(query("x", { payloadBytes, wantsDnssec: false })),
  );
  expect(limits).toEqual([512, 512, 900, 1_232, 1_232]);
  expect(udpLimit(query("x"))).toBe(512);
});

it("says when answers were left out, and leaves additions out in silence", () => {
  const many = Array.from({ length: 64 }, (_, index) => a("web.x", `10.0.0.${String(index)}`));
  const cut = decode(writeAnswer(query("web.x"), found(many), 512));
  expect(cut.flag_tc).toBe(true);
  expect(cut.answers?.length).toBeGreaterThan(25);
  expect(decode(writeAnswer(query("web.x"), found(many), TCP_BYTES_MAX))).toMatchObject({ flag_tc: false });
  const added = decode(writeAnswer(query("web.x"), found([a("web.x", "10.0.0.1")], { additionals: many }), 512));
  expect(added.flag_tc).toBe(false);
  expect(added.answers).toHaveLength(1);
});

it("never writes more than fits, nor what another one can't read", () => {
  const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
  const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
  const record = fc.oneof(
    fc.tuple(name, fc.ipV4()).map(([owner, data]) => a(owner, data)),
    fc.tuple(name, fc.ipV6()).map(([owner, data]): DnsRecord => ({ name: owner, ttl: 1, type: "AAAA", data })),
    fc.tuple(name, name, fc.nat(65_535)).map(([owner, target, port]): DnsRecord => ({
      name: owner,
      ttl: 1,
      type: "SRV",
      data: { priority: 0, weight: 1, port, target },
    })),
  );
  const edns = fc.option(fc.record({ payloadBytes: fc.nat(65_535), wantsDnssec: fc.boolean() }), { nil: undefined });
  fc.assert(
    fc.property(name, fc.array(record, { maxLength: 60 }), edns, (asked, records, extension) => {
      const to = query(asked, extension);
      const limit = udpLimit(to);
      const bytes = writeAnswer(to, found(records, { additionals: records }), limit);
      expect(bytes.length).toBeLessThanOrEqual(limit);
      const message = decode(bytes);
      expect(decode.bytes).toBe(bytes.length);
      expect(message.questions).toMatchObject([{ name: asked }]);
      const names = records.slice(0, message.answers?.length).map((entry) => entry.name);
      expect(message.answers?.map((entry) => entry.name)).toEqual(names);
      expect(message.flag_tc).toBe(names.length < records.length);
      const last = message.additionals?.at(-1);
      expect(last?.type === "OPT").toBe(extension !== undefined);
    }),
    { numRuns: 500 },
  );
});
