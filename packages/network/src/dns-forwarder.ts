import type { Clock } from "@murmur/base";
import { TCP_BYTES_MAX, udpLimit, writeAnswer, writeQuery } from "./dns-answer.ts";
import { FLAG, HEADER_BYTES, RCODE, type DnsQuery } from "./dns-query.ts";
import { askByTcp, askByUdp, questionKey } from "./dns-upstream.ts";
import type { IpPort } from "./ip-address.ts";

/** Different questions that are being asked upstream at once; what comes beyond is told to try later. */
const QUESTIONS_MAX = 4_096;
/** Askers who wait for these at once. */
const ASKERS_MAX = 16_384;
/** With a single server a lost packet is worth another try; more than this, and the asker has given up. */
const ATTEMPTS_MIN = 2;
const ATTEMPTS_MAX = 3;

/** The way that a query came by, and its answer goes back by. */
export type Way = "udp" | "tcp";

/** Asks other servers what this one does not know. Keeps no answers: the servers upstream do. */
export class DnsForwarder implements Disposable {
  readonly #servers: readonly IpPort[];
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  /** What is being asked now: who has the same question waits for the same answer. */
  readonly #asked = new Map<string, Promise<Buffer | undefined>>();
  #askers = 0;
  /** The server that answered last; the one to begin with. */
  #preferred = 0;

  constructor(servers: readonly IpPort[], clock: Clock) {
    this.#servers = servers;
    this.#clock = clock;
  }

  get hasServers(): boolean {
    return this.#servers.length > 0;
  }

  /** The answer as it goes to this asker; undefined when there is none, or too much is being asked already. */
  async forward(query: DnsQuery, way: Way): Promise<Buffer | undefined> {
    if (this.#askers >= ASKERS_MAX) return undefined;
    this.#askers += 1;
    try {
      const answer = await this.#shared(query, way);
      return answer === undefined ? undefined : fitted(answer, query, way);
    } finally {
      this.#askers -= 1;
    }
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  #shared(query: DnsQuery, way: Way): Promise<Buffer | undefined> {
    const message = writeQuery(query, udpLimit(query));
    // The header, the question and what EDNS offers: all that an answer depends on.
    const end = HEADER_BYTES + query.questionBytes.length;
    const rest = message.toString("latin1", 0, HEADER_BYTES) + message.toString("latin1", end);
    const key = `${way} ${questionKey(query.questionBytes)} ${rest}`;
    const present = this.#asked.get(key);
    if (present !== undefined) return present;
    if (this.#asked.size >= QUESTIONS_MAX) return Promise.resolve(undefined);
    const asked = this.#askServers(message, way).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  /** One server after the other, until one has an answer. Of failures the last is as good as any. */
  async #askServers(query: Buffer, way: Way): Promise<Buffer | undefined> {
    const first = this.#preferred;
    const attempts = Math.min(ATTEMPTS_MAX, Math.max(ATTEMPTS_MIN, this.#servers.length));
    let last: Buffer | undefined;
    for (let attempt = 0; attempt < attempts && !this.#abort.signal.aborted; attempt += 1) {
      const index = (first + attempt) % this.#servers.length;
      const answer = await this.#askServer(index, query, way);
      if (answer === undefined) continue;
      last = answer;
      if (isFailure(answer) && this.#servers.length > 1) continue;
      this.#preferred = index;
      break;
    }
    return last;
  }

  async #askServer(index: number, query: Buffer, way: Way): Promise<Buffer | undefined> {
    const server = this.#servers[index];
    if (server === undefined) return undefined;
    const call = { server, query, clock: this.#clock, signal: this.#abort.signal };
    const answer = await askByUdp(call);
    const isCut = answer !== undefined && (answer.readUInt16BE(2) & FLAG.TC) !== 0;
    // Who came by UDP is told to come by TCP; who did, must not be.
    return isCut && way === "tcp" ? await askByTcp(call) : answer;
  }
}

/** The server may know less than another one. */
function isFailure(answer: Buffer): boolean {
  const rcode = answer.readUInt16BE(2) & 0x0f;
  return rcode === RCODE.SERVFAIL || rcode === RCODE.NOTIMP || rcode === RCODE.REFUSED;
}

/** The answer under the asker's own id, its question as it wrote it, no longer than it can take. */
function fitted(answer: Buffer, query: DnsQuery, way: Way): Buffer {
  const limit = way === "udp" ? udpLimit(query) : TCP_BYTES_MAX;
  if (answer.readUInt16BE(4) === 0) return writeAnswer(query, { rcode: "SERVFAIL", flags: FLAG.RA }, limit);
  if (answer.length > limit) return writeAnswer(query, { rcode: "NOERROR", flags: FLAG.RA | FLAG.TC }, limit);
  const copy = Buffer.from(answer);
  copy.writeUInt16BE(query.id, 0);
  copy.writeUInt16BE(copy.readUInt16BE(2) | FLAG.RA, 2);
  query.questionBytes.copy(copy, HEADER_BYTES);
  return copy;
}
