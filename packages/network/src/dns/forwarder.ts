import type { Clock } from "@murmur/base";
import type { IpPort } from "../ip-address.ts";
import { TCP_BYTES_MAX, udpLimit, UDP_BYTES_MAX, UDP_BYTES_MIN, writeAnswer, writeQuery } from "./answer.ts";
import { FairShare } from "./fair-share.ts";
import { FLAG, HEADER_BYTES, RCODE, type DnsQuery } from "./query.ts";
import { ResponseCache } from "./response-cache.ts";
import { readResponse, type Response } from "./response.ts";
import { UpstreamHealth } from "./upstream-health.ts";
import { askByTcp, askByUdp, questionKey } from "./upstream.ts";

/** Different questions that are being asked upstream at once. */
const QUESTIONS_MAX = 4_096;
/** Askers who wait for these at once. */
const ASKERS_MAX = 16_384;
/** With a single server a lost packet is worth another try; more than this, and the asker has given up. */
const ATTEMPTS_MIN = 2;
const ATTEMPTS_MAX = 3;

/** The way that a query came by, and its answer goes back by. */
export type Way = "udp" | "tcp";

/** Who asked, and by which way. */
export interface Asker {
  readonly address: string;
  readonly way: Way;
}

interface Answered {
  readonly bytes: Buffer;
  readonly response: Response;
}

/** Asks other servers what this one does not know. */
export class DnsForwarder implements Disposable {
  readonly #servers: readonly IpPort[];
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #health: UpstreamHealth;
  readonly #cache: ResponseCache;
  /** What is being asked now: who has the same question waits for the same answer. */
  readonly #asked = new Map<string, Promise<Buffer | undefined>>();
  readonly #questions = new FairShare(QUESTIONS_MAX);
  readonly #askers = new FairShare(ASKERS_MAX);

  /** `cacheBytesMax`: of answers that are kept; left out: the cache's own bound. */
  constructor(servers: readonly IpPort[], clock: Clock, cacheBytesMax?: number) {
    this.#cache = new ResponseCache(cacheBytesMax);
    this.#servers = servers;
    this.#clock = clock;
    this.#health = new UpstreamHealth(servers.length);
  }

  get hasServers(): boolean {
    return this.#servers.length > 0;
  }

  /** The answer as it goes to this asker; undefined when there is none, or the asker waits for too many already. */
  async forward(query: DnsQuery, asker: Asker): Promise<Buffer | undefined> {
    const { message, key } = questionOf(query);
    const known = this.#cache.get(key, this.#clock.monotonic());
    if (known !== undefined) return fitted(known, query, asker.way);
    if (!this.#askers.take(asker.address)) return undefined;
    try {
      const answer = await this.#shared(message, key, asker.address);
      return answer === undefined ? undefined : fitted(Buffer.from(answer), query, asker.way);
    } finally {
      this.#askers.give(asker.address);
    }
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  #shared(message: Buffer, key: string, client: string): Promise<Buffer | undefined> {
    const present = this.#asked.get(key);
    if (present !== undefined) return present;
    if (!this.#questions.take(client)) return Promise.resolve(undefined);
    const asked = this.#ask(message, key).finally(() => {
      this.#questions.give(client);
      this.#asked.delete(key);
    });
    this.#asked.set(key, asked);
    return asked;
  }

  async #ask(message: Buffer, key: string): Promise<Buffer | undefined> {
    const probed = this.#health.probe(this.#clock.monotonic());
    // Its end is the call's time limit, or the server's own.
    if (probed !== undefined) void this.#askServer(probed, message);
    const answered = await this.#askServers(message);
    if (answered === undefined) return undefined;
    this.#cache.put(key, answered.bytes, { response: answered.response, now: this.#clock.monotonic() });
    return answered.bytes;
  }

  /** One server after the other, until one has an answer. Of failures the last is as good as any. */
  async #askServers(query: Buffer): Promise<Answered | undefined> {
    const order = this.#health.order();
    const attempts = Math.min(ATTEMPTS_MAX, Math.max(ATTEMPTS_MIN, order.length));
    let last: Answered | undefined;
    for (let attempt = 0; attempt < attempts && !this.#abort.signal.aborted; attempt += 1) {
      const answered = await this.#askServer(order[attempt % order.length] ?? 0, query);
      if (answered === undefined) continue;
      last = answered;
      if (!isFailure(answered.response) || order.length === 1) break;
    }
    return last;
  }

  /** Asks by UDP and, if the answer does not fit there, by TCP. Never rejects. */
  async #askServer(index: number, query: Buffer): Promise<Answered | undefined> {
    const server = this.#servers[index];
    if (server === undefined) return undefined;
    const call = { server, query, clock: this.#clock, signal: this.#abort.signal };
    const answered = read(await askByUdp(call));
    if (answered === undefined) {
      this.#health.silent(index, this.#clock.monotonic());
      return undefined;
    }
    this.#health.answered(index);
    if (!answered.response.isCut) return answered;
    // Without it the asker gets what came, cut, and may try itself.
    return read(await askByTcp(call)) ?? answered;
  }
}

/** What is asked for a query, and the key of all that its answer depends on: question, flags and EDNS. */
function questionOf(query: DnsQuery): { readonly message: Buffer; readonly key: string } {
  const message = writeQuery(query, query.edns === undefined ? UDP_BYTES_MIN : UDP_BYTES_MAX);
  const end = HEADER_BYTES + query.questionBytes.length;
  const rest = message.toString("latin1", 0, HEADER_BYTES) + message.toString("latin1", end);
  return { message, key: questionKey(query.questionBytes) + rest };
}

/** A response that is damaged is none. */
function read(bytes: Buffer | undefined): Answered | undefined {
  const response = bytes && readResponse(bytes);
  return bytes && response && { bytes, response };
}

/** The server may know less than another one. */
const isFailure = ({ rcode, hasQuestion }: Response): boolean =>
  rcode === RCODE.SERVFAIL || rcode === RCODE.NOTIMP || rcode === RCODE.REFUSED || !hasQuestion;

/** Makes an answer one under the asker's own id, its question as it wrote it, no longer than it can take. */
function fitted(answer: Buffer, query: DnsQuery, way: Way): Buffer {
  const limit = way === "udp" ? udpLimit(query) : TCP_BYTES_MAX;
  if (answer.readUInt16BE(4) === 0) return writeAnswer(query, { rcode: "SERVFAIL", flags: FLAG.RA }, limit);
  if (answer.length > limit) return writeAnswer(query, { rcode: "NOERROR", flags: FLAG.RA | FLAG.TC }, limit);
  answer.writeUInt16BE(query.id, 0);
  // It is not ours: AA would say so. From a cache it would not even be true of the server that gave it.
  answer.writeUInt16BE((answer.readUInt16BE(2) & ~FLAG.AA) | FLAG.RA, 2);
  query.questionBytes.copy(answer, HEADER_BYTES);
  return answer;
}
