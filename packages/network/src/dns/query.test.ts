import { encode, type OptAnswer, type Packet } from "dns-packet";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { FLAG, readQuery, type ReadQuery } from "./query.ts";

const asked = (packet: Packet): Buffer => encode({ type: "query", id: 77, flags: FLAG.RD, ...packet });
const web: Packet = { questions: [{ name: "Web.murmur.internal", type: "A" }] };
const opt = (udpPayloadSize: number, ednsVersion = 0): OptAnswer => ({
  type: "OPT",
  name: ".",
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion,
  flags: 0x8000,
  flag_do: true,
  options: [],
});

function query(bytes: Buffer): Extract<ReadQuery, { kind: "query" }>["query"] {
  const read = readQuery(bytes);
  if (read.kind !== "query") throw new Error(`not a query: ${JSON.stringify(read)}`);
  return read.query;
}
const rcodeOf = (bytes: Buffer): string => {
  const read = readQuery(bytes);
  return read.kind === "refused" ? read.rcode : read.kind;
};
function changed(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(value, at);
  return copy;
}

it("reads a question, its case kept", () => {
  const read = query(asked(web));
  expect(read).toMatchObject({ id: 77, flags: FLAG.RD, isInternet: true, edns: undefined });
  expect(read.question).toEqual({ name: "Web.murmur.internal", type: "A" });
  expect(read.questionBytes).toEqual(asked(web).subarray(12));
});

it("reads what the asker says by EDNS", () => {
  expect(query(asked({ ...web, additionals: [opt(4_096)] })).edns).toEqual({ payloadBytes: 4_096, wantsDnssec: true });
});

it("names types that it does not know by their number, and escapes what is no letter", () => {
  const name = Buffer.from([1, 0x2e, 3, 0xff, 0x41, 0x5f, 0]);
  const bytes = Buffer.concat([asked({ questions: [] }).subarray(0, 12), name, Buffer.from([0, 65, 0, 1])]);
  expect(query(changed(bytes, 4, 1)).question).toEqual({ name: String.raw`\046.\255A_`, type: "TYPE65" });
});

it.each<readonly [string, Buffer, string]>([
  ["no header", Buffer.alloc(11), "ignored"],
  ["an answer", encode({ type: "response", ...web }), "ignored"],
  ["another operation", changed(asked(web), 2, 0x2800), "NOTIMP"],
  ["no question", asked({ questions: [] }), "FORMERR"],
  ["two questions", asked({ questions: [...(web.questions ?? []), ...(web.questions ?? [])] }), "FORMERR"],
  ["an answer within", asked({ ...web, answers: [{ type: "A", name: "x", data: "1.2.3.4" }] }), "FORMERR"],
  ["more questions than there are bytes", changed(asked(web), 4, 0xffff), "FORMERR"],
  ["more records than there are bytes", changed(asked(web), 10, 0xffff), "FORMERR"],
  ["bytes at the end", Buffer.concat([asked(web), Buffer.alloc(1)]), "FORMERR"],
  ["a question cut short", asked(web).subarray(0, -1), "FORMERR"],
  ["a compressed question", changed(asked(web), 12, 0xc00c), "FORMERR"],
  ["a label of 64 bytes", changed(asked(web), 12, 0x4061), "FORMERR"],
  ["a name of 256 bytes", asked({ questions: [{ name: "a.".repeat(127) + "bb", type: "A" }] }), "FORMERR"],
  ["two OPT records", asked({ ...web, additionals: [opt(512), opt(512)] }), "FORMERR"],
  ["a later EDNS", asked({ ...web, additionals: [opt(512, 1)] }), "BADVERS"],
])("refuses %s", (_what, bytes, rcode) => expect(rcodeOf(bytes)).toBe(rcode));

it("takes a name of 255 bytes", () => {
  expect(query(asked({ questions: [{ name: "a.".repeat(126) + "a", type: "A" }] })).question.name).toHaveLength(253);
});

it("reads anything without failing, and no byte that is not there", () => {
  const whole = asked({ ...web, additionals: [opt(1_232), { type: "A", name: "x.y", data: "1.2.3.4" }] });
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
  const mutated = fc.tuple(changes, fc.nat(whole.length)).map(([pairs, length]) => {
    const copy = Buffer.from(whole);
    for (const [at, value] of pairs) copy[at] = value;
    return copy.subarray(0, length);
  });
  const noise = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, noise), (bytes) => {
      const before = Buffer.from(bytes);
      const read = readQuery(bytes);
      expect(bytes).toEqual(before);
      if (read.kind !== "query") return;
      const { question, questionBytes } = read.query;
      expect(questionBytes.length).toBeLessThanOrEqual(bytes.length - 12);
      expect(question.name.length).toBeLessThanOrEqual(4 * 255);
    }),
    { numRuns: 5_000 },
  );
});
