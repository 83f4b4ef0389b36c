import type { Clock, Log, Random } from "@murmur/base";
import type { NameIndexOptions, Suspects } from "@murmur/discovery";
import type { EndpointTable, Guest } from "@murmur/model";
import { parseIpPort, type IpPort } from "../ip-address.ts";
import { listenError } from "../listen-error.ts";
import { portStatus, type ListenerStatus } from "../listener-status.ts";
import { RetryListen } from "../retry-listen.ts";
import { isReachedAt } from "../system-resolvers.ts";
import { ClusterNames, reply, type Askers } from "./cluster-names.ts";
import { DnsForwarder, type Asker, type Way } from "./forwarder.ts";
import { DnsListener } from "./listener.ts";
import { FLAG, readQuery, type DnsQuery } from "./query.ts";

const DNS_PORT = 53;
/** Answers kept for the askers of one list of servers that a task names itself. */
const OWN_CACHE_BYTES_MAX = 256 * 1024;

export interface DnsStats {
  readonly queries: number;
  /** Of these, asked upstream. */
  readonly forwarded: number;
  /** Of these, without an answer from upstream. */
  readonly failed: number;
  /** What was no question, and answers that could not be sent. */
  readonly dropped: number;
}

export interface DnsServerOptions extends Partial<NameIndexOptions> {
  /** `IP:PORT`; port 0: any. Undefined: only what `listenAt` says. */
  readonly address: string | undefined;
  /** `IP` or `IP:PORT`. */
  readonly upstreams: readonly string[];
  /** Of the servers that tasks name themselves; left out: 53. */
  readonly ownServersPort?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const ANY_ADDRESS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

interface DnsListen {
  readonly address: IpPort;
  readonly retry: RetryListen<DnsListener>;
}

/** Answers the cluster's names from the table of the moment, and asks others about the rest. */
export class DnsServer implements AsyncDisposable {
  readonly #options: DnsServerOptions;
  readonly #address: IpPort | undefined;
  readonly #listen: DnsListen | undefined;
  /** Beside that, by address. */
  readonly #more = new Map<string, DnsListen>();
  readonly #forwarder: DnsForwarder;
  /** By the servers that tasks of this node name themselves: no more than there are such tasks. */
  readonly #own = new Map<string, DnsForwarder>();
  readonly #names: ClusterNames;
  #stats = { queries: 0, forwarded: 0, failed: 0, dropped: 0 };

  /** @throws ClusterError `invalid_argument` for an address that is none */
  constructor(options: DnsServerOptions) {
    this.#options = options;
    const address = options.address === undefined ? undefined : parseIpPort(options.address, "the DNS address");
    const upstreams = options.upstreams.map((text) => parseIpPort(text, "the upstream resolver", DNS_PORT));
    this.#address = address;
    this.#forwarder = new DnsForwarder(
      upstreams.filter((upstream) => address === undefined || !isReachedAt(address, upstream)),
      options.clock,
    );
    this.#names = new ClusterNames({
      ownAddresses: options.ownAddresses ?? false,
      firstTurn: options.random.below(1 << 16),
      canRecurse: this.#forwarder.hasServers,
    });
    this.#listen = address === undefined ? undefined : this.#listenOn(address);
  }

  start(): void {
    this.#listen?.retry.start();
  }

  /** Listens also at port 53 of these addresses from now on, and at no others; they may come into being later. */
  listenAt(hosts: readonly string[]): void {
    const isEverywhere = this.#address?.port === DNS_PORT && ANY_ADDRESS.has(this.#address.host);
    const wanted = new Set(isEverywhere ? [] : hosts);
    for (const [host, { retry }] of this.#more) {
      if (wanted.has(host)) continue;
      this.#more.delete(host);
      void retry[Symbol.asyncDispose]();
    }
    for (const host of wanted) {
      if (this.#more.has(host)) continue;
      const listen = this.#listenOn({ host, port: DNS_PORT });
      this.#more.set(host, listen);
      listen.retry.start();
    }
  }

  update(table: EndpointTable): void {
    this.#names.update(table);
  }

  /** All guests of the cluster's networks, of all nodes. */
  meet(guests: readonly Guest[]): void {
    this.#names.meet(guests);
  }

  avoid(suspects: Suspects): void {
    this.#names.avoid(suspects);
  }

  /** Who asks from which address: they see their own networks only. Anybody else, as the host does, sees all. */
  know(askers: Askers): void {
    this.#names.know(askers);
    const wanted = new Map([...askers.values()].flatMap(({ servers }) => (servers ? [[servers.join(), servers]] : [])));
    for (const [key, forwarder] of this.#own) {
      if (wanted.has(key)) continue;
      this.#own.delete(key);
      forwarder[Symbol.dispose]();
    }
    for (const [key, servers] of wanted) {
      if (this.#own.has(key)) continue;
      const asked = servers.map((host) => ({ host, port: this.#options.ownServersPort ?? DNS_PORT }));
      this.#own.set(key, new DnsForwarder(asked, this.#options.clock, OWN_CACHE_BYTES_MAX));
    }
  }

  listeners(): readonly ListenerStatus[] {
    return this.#all().map(({ address, retry }) =>
      portStatus({ protocol: "dns", port: retry.opened?.port ?? address.port }, retry),
    );
  }

  /** Tries at once to listen where it doesn't. */
  async retry(): Promise<void> {
    await Promise.all(this.#all().map(({ retry }) => retry.retry()));
  }

  stats(): DnsStats {
    return { ...this.#stats };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const forwarder of [this.#forwarder, ...this.#own.values()]) forwarder[Symbol.dispose]();
    await Promise.all(this.#all().map(({ retry }) => retry[Symbol.asyncDispose]()));
  }

  /** The answer to a message that came in, whatever it is; undefined: none. What we know ourselves is answered at once. */
  answer(message: Buffer, way: Way, address: string): Buffer | undefined | Promise<Buffer | undefined> {
    const remembered = way === "udp" ? this.#names.remembered(message, address) : undefined;
    if (remembered !== undefined) {
      this.#stats.queries += 1;
      return remembered;
    }
    const read = readQuery(message);
    if (read.kind === "ignored") {
      this.#stats.dropped += 1;
      return undefined;
    }
    this.#stats.queries += 1;
    if (read.kind === "refused") return reply(read.to, way, { rcode: read.rcode, flags: 0 });
    const { query } = read;
    const { type } = query.question;
    const forwarder = this.#forwarderOf(address);
    const flags = forwarder.hasServers ? FLAG.RA : 0;
    if (!query.isInternet || type === "AXFR" || type === "IXFR") return reply(query, way, { rcode: "REFUSED", flags });
    const asker = { way, address };
    const own = this.#names.answer(query, message, asker);
    if (own !== undefined) return own;
    // Who doesn't want us to ask others, or can't be helped so, hears that at once and asks somebody else.
    if (!forwarder.hasServers || (query.flags & FLAG.RD) === 0) return reply(query, way, { rcode: "REFUSED", flags });
    return this.#forward(forwarder, query, asker);
  }

  #all(): readonly DnsListen[] {
    return [...(this.#listen === undefined ? [] : [this.#listen]), ...this.#more.values()];
  }

  #listenOn(address: IpPort): DnsListen {
    const { clock, log } = this.#options;
    const onDropped = (): void => void (this.#stats.dropped += 1);
    const answer = this.answer.bind(this);
    const retry = new RetryListen({
      open: (onBroken) => DnsListener.open({ address, clock, answer, onDropped, onBroken }),
      close: (listener: DnsListener) => listener.close(),
      explain: (error) => listenError("dns", String(address.port), error),
      clock,
      log,
    });
    return { address, retry };
  }

  /** Asks whom this asker wants to have asked. */
  #forwarderOf(address: string): DnsForwarder {
    return this.#own.get(this.#names.serversOf(address)?.join() ?? "") ?? this.#forwarder;
  }

  async #forward(forwarder: DnsForwarder, query: DnsQuery, asker: Asker): Promise<Buffer> {
    this.#stats.forwarded += 1;
    const answer = await forwarder.forward(query, asker);
    if (answer !== undefined) return answer;
    this.#stats.failed += 1;
    return reply(query, asker.way, { rcode: "SERVFAIL", flags: FLAG.RA });
  }
}
