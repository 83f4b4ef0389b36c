import type { Clock, Log, Random } from "@murmur/base";
import { NameIndex, NO_SUSPECTS, resolveName, ZONE, type Suspects } from "@murmur/discovery";
import type { EndpointTable } from "@murmur/model";
import { TCP_BYTES_MAX, udpLimit, writeAnswer, type AnswerContent } from "./dns-answer.ts";
import { DnsForwarder, type Way } from "./dns-forwarder.ts";
import { DnsListener } from "./dns-listener.ts";
import { FLAG, readQuery, type DnsQuery, type Refusable } from "./dns-query.ts";
import { parseIpPort, type IpPort } from "./ip-address.ts";
import { listenError } from "./listen-error.ts";
import { portStatus, type ListenerStatus } from "./listener-status.ts";
import { RetryListen } from "./retry-listen.ts";
import { isReachedAt } from "./system-resolvers.ts";

const DNS_PORT = 53;

export interface DnsStats {
  readonly queries: number;
  /** Of these, asked upstream. */
  readonly forwarded: number;
  /** Of these, without an answer from upstream. */
  readonly failed: number;
  /** What was no question, and answers that could not be sent. */
  readonly dropped: number;
}

export interface DnsServerOptions {
  /** `IP:PORT`; port 0: any. */
  readonly address: string;
  /** `IP` or `IP:PORT`. */
  readonly upstreams: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Answers the cluster's names from the table of the moment, and asks others about the rest. */
export class DnsServer implements AsyncDisposable {
  readonly #address: IpPort;
  readonly #listen: RetryListen<DnsListener>;
  readonly #forwarder: DnsForwarder;
  /** Undefined until there is a table: then nothing is known, which is not the same as that there is nothing. */
  #names: NameIndex | undefined;
  #suspects: Suspects = NO_SUSPECTS;
  #turn: number;
  #stats = { queries: 0, forwarded: 0, failed: 0, dropped: 0 };

  /** @throws ClusterError `invalid_argument` for an address that is none */
  constructor(options: DnsServerOptions) {
    const { clock, log } = options;
    const address = parseIpPort(options.address, "the DNS address");
    const upstreams = options.upstreams.map((text) => parseIpPort(text, "the upstream resolver", DNS_PORT));
    this.#address = address;
    this.#turn = options.random.below(1 << 16);
    this.#forwarder = new DnsForwarder(
      upstreams.filter((upstream) => !isReachedAt(address, upstream)),
      clock,
    );
    const onDropped = (): void => void (this.#stats.dropped += 1);
    const answer = (message: Buffer, way: Way): ReturnType<DnsServer["answer"]> => this.answer(message, way);
    this.#listen = new RetryListen({
      open: (onBroken) => DnsListener.open({ address, clock, answer, onDropped, onBroken }),
      close: (listener) => listener.close(),
      explain: (error) => listenError("dns", address.port, error),
      clock,
      log,
    });
  }

  start(): void {
    this.#listen.start();
  }

  update(table: EndpointTable): void {
    this.#names = new NameIndex(table);
  }

  avoid(suspects: Suspects): void {
    this.#suspects = suspects;
  }

  listeners(): readonly ListenerStatus[] {
    const port = this.#listen.opened?.port ?? this.#address.port;
    return [portStatus({ protocol: "dns", port }, this.#listen)];
  }

  stats(): DnsStats {
    return { ...this.#stats };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forwarder[Symbol.dispose]();
    await this.#listen[Symbol.asyncDispose]();
  }

  /** The answer to a message that came in, whatever it is; undefined: none. What we know ourselves is answered at once. */
  answer(message: Buffer, way: Way): Buffer | undefined | Promise<Buffer | undefined> {
    const read = readQuery(message);
    if (read.kind === "ignored") {
      this.#stats.dropped += 1;
      return undefined;
    }
    this.#stats.queries += 1;
    if (read.kind === "refused") return reply(read.to, way, { rcode: read.rcode, flags: 0 });
    const { query } = read;
    const { type } = query.question;
    if (!query.isInternet || type === "AXFR" || type === "IXFR") {
      return reply(query, way, { rcode: "REFUSED", flags: this.#recursion });
    }
    return this.#ownAnswer(query, way) ?? this.#forward(query, way);
  }

  /** Undefined when the name is not ours. */
  #ownAnswer(query: DnsQuery, way: Way): Buffer | undefined {
    if (!isInZone(query.question.name)) return undefined;
    if (this.#names === undefined) return reply(query, way, { rcode: "SERVFAIL", flags: this.#recursion });
    const turn = (this.#turn += 1);
    const resolution = resolveName(this.#names, query.question, { suspects: this.#suspects, turn });
    if (resolution.kind === "outside") return undefined;
    return reply(query, way, { ...resolution, flags: FLAG.AA | this.#recursion });
  }

  async #forward(query: DnsQuery, way: Way): Promise<Buffer | undefined> {
    // Who doesn't want us to ask others, or can't be helped so, hears that at once and asks somebody else.
    if (!this.#forwarder.hasServers || (query.flags & FLAG.RD) === 0) {
      return reply(query, way, { rcode: "REFUSED", flags: this.#recursion });
    }
    this.#stats.forwarded += 1;
    const answer = await this.#forwarder.forward(query, way);
    if (answer !== undefined) return answer;
    this.#stats.failed += 1;
    return reply(query, way, { rcode: "SERVFAIL", flags: this.#recursion });
  }

  get #recursion(): number {
    return this.#forwarder.hasServers ? FLAG.RA : 0;
  }
}

function isInZone(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === ZONE || lower.endsWith(`.${ZONE}`);
}

const reply = (to: Refusable, way: Way, content: AnswerContent): Buffer =>
  writeAnswer(to, content, way === "udp" ? udpLimit(to) : TCP_BYTES_MAX);
