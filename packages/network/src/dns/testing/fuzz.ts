import { readFileSync } from "node:fs";
import { ManualClock, SeededRandom, silentLog, type Random } from "@murmur/base";
import { endpoint, service, table } from "../../fixture.ts";
import { TCP_BYTES_MAX, UDP_BYTES_MAX } from "../answer.ts";
import type { Way } from "../forwarder.ts";
import { FLAG, HEADER_BYTES, readQuery } from "../query.ts";
import { readResponse } from "../response.ts";
import { DnsServer } from "../server.ts";
import { MessageReader, withLength } from "../stream.ts";

/** Bytes that mean something in a name or a count. */
const TELLING = [0, 1, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff];
const ROUNDS_MAX = 6;
const BYTES_MAX = 1_500;

/** Messages to begin with, one in each line in hexadecimal digits; a line with # says what the next one is. */
export function corpus(): readonly Buffer[] {
  const text = readFileSync(new URL("corpus.txt", import.meta.url), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => Buffer.from(line, "hex"));
}

/** A message that one or another program might have damaged, or somebody forged. */
export function mutated(seeds: readonly Buffer[], random: Random): Buffer {
  const pick = (): Buffer => seeds[random.below(seeds.length)] ?? Buffer.alloc(0);
  let bytes = Buffer.from(pick());
  for (let round = random.below(ROUNDS_MAX); round >= 0; round -= 1) {
    bytes = changed(bytes, pick(), random);
  }
  return bytes.subarray(0, BYTES_MAX);
}

function changed(bytes: Buffer, other: Buffer, random: Random): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  const at = random.below(bytes.length + 1);
  const length = random.below(24);
  switch (random.below(8)) {
    case 0:
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      return copy;
    case 1:
      if (at < copy.length) copy[at] = random.below(256);
      return copy;
    case 2:
      if (at < copy.length) copy[at] = TELLING[random.below(TELLING.length)] ?? 0;
      return copy;
    case 3:
      if (at + 2 <= copy.length) copy.writeUInt16BE(random.below(2) === 0 ? 0xc000 | at : random.below(0x1_0000), at);
      return copy;
    case 4:
      return copy.subarray(0, at);
    case 5:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at, at + length), copy.subarray(at)]);
    case 6:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    default:
      return Buffer.concat([copy.subarray(0, at), other.subarray(random.below(other.length + 1))]);
  }
}

/** Gives messages to everything that reads what comes from outside, and fails when one of them errs. */
export class DnsFuzz {
  readonly #server: DnsServer;
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const options = { address: "127.0.0.1:53", upstreams: [], clock: new ManualClock(), log: silentLog };
    this.#server = new DnsServer({ ...options, random: this.#random, ownAddresses: true });
    const tasks = Array.from({ length: 100 }, (_, index) =>
      endpoint({ task: `t${String(index)}`, hostPort: 80, address: `10.0.0.${String(index)}` }),
    );
    this.#server.update(table(service("web", 80, tasks.slice(0, 3)), service("big", 81, tasks)));
  }

  /** @throws Error that has the message in hexadecimal digits */
  try(message: Buffer): void {
    const before = message.toString("hex");
    try {
      this.#read(message);
      this.#answer(message, "udp");
      this.#answer(message, "tcp");
      this.#stream(message);
      check(message.toString("hex") === before, "the message was changed");
    } catch (error) {
      throw new Error(`message ${before}`, { cause: error });
    }
  }

  #read(message: Buffer): void {
    const read = readQuery(message);
    if (read.kind === "query") {
      const { question, questionBytes } = read.query;
      check(questionBytes.length <= message.length - HEADER_BYTES, "the question goes beyond the message");
      check(question.name.length <= 4 * 255, "the name is too long");
    }
    for (const at of readResponse(message)?.ttlOffsets ?? []) {
      check(at + 4 <= message.length, "a time to live lies outside the message");
    }
  }

  /** Twice, since the second answer may be a remembered one. */
  #answer(message: Buffer, way: Way): void {
    for (let turn = 0; turn < 2; turn += 1) {
      const answer = this.#server.answer(message, way, "10.1.1.1");
      if (answer === undefined) continue;
      check(Buffer.isBuffer(answer), "there is nobody to ask, and yet it waits");
      check(answer.length <= (way === "udp" ? UDP_BYTES_MAX : TCP_BYTES_MAX), "the answer is too long");
      check(answer.readUInt16BE(0) === message.readUInt16BE(0), "the answer has another id");
      check((answer.readUInt16BE(2) & FLAG.QR) !== 0, "the answer is a question");
      check(readResponse(answer) !== undefined, "the answer does not end where it says");
    }
  }

  /** A stream gives back what went in, in whatever pieces; and takes anything. */
  #stream(message: Buffer): void {
    new MessageReader().push(message);
    if (message.length < HEADER_BYTES) return;
    const stream = Buffer.concat([withLength(message), withLength(message)]);
    const reader = new MessageReader();
    const found: Buffer[] = [];
    for (let at = 0; at < stream.length;) {
      const end = at + 1 + this.#random.below(stream.length);
      found.push(...(reader.push(stream.subarray(at, end)) ?? []));
      at = end;
    }
    check(found.length === 2 && found.every((one) => one.equals(message)), "the stream gives other messages");
  }
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
