import { randomId, SeededRandom, type Millis, type Random } from "@murmur/base";
import { createCa, cryptoDone, cryptoUnderWay } from "@murmur/identity";
import type { SnapshotLimits } from "@murmur/manager";
import { DEFAULT_CLUSTER_SPEC, type AddressPool, type ClusterSpec, type DataPlaneKind } from "@murmur/model";
import { caDigest, formatToken, type UnlockKey } from "@murmur/identity";
import type { CallExternalCa } from "@murmur/node";
import { MemoryNetwork } from "@murmur/transport";
import { EventQueue, WorldClock } from "./event-queue.ts";
import { Host } from "./host.ts";
import type { Observer } from "./observer.ts";
import type { ClockError } from "./process.ts";
import type { Release } from "./release.ts";
import { Turns } from "./turns.ts";

/** What everything that is chosen in a world depends on. */
export interface WorldOptions {
  readonly seed: number;
  readonly observers?: readonly Observer[];
  /** How the hosts' clocks err, by the host's number. Default: not at all. */
  readonly clockError?: (number: number) => ClockError;
  /** What the hosts' software speaks at first. Default: what this one does. */
  readonly release?: Release;
  /** Default: `ports`. */
  readonly dataPlane?: DataPlaneKind;
  /** How many times as large as usual its hosts are. Default: 1. */
  readonly hostSize?: number;
  /** How long the managers' logs may become. Default: as long as anywhere, which is more than a run writes. */
  readonly snapshotLimits?: SnapshotLimits;
  /** Gossip is sealed and opened as on real hosts. Left out: that costs time and hides nothing. */
  readonly sealed?: boolean;
}

/** Small subnets, so that addresses are given again within a run; away from those of the hosts. */
const ADDRESS_POOL: AddressPool = { subnet: "10.200.0.0/16", subnetLength: 24 };

/** The longest that anything may take which somebody waits for, in simulated time. */
const WAIT_MS: Millis = 300_000;

/** A stream of chance of its own for each purpose: what one purpose uses up changes nothing for the others. */
export function randomFor(seed: number, purpose: string): Random {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < purpose.length; at += 1) hash = Math.imul(hash ^ purpose.charCodeAt(at), 0x01000193);
  return new SeededRandom((hash >>> 0) + seed * 2 ** 32);
}

/**
 * Hosts, a network and one time for all. Whatever happens is an event of one queue; after each, all that follows from it
 * at once is done before the next. So a seed determines everything.
 */
export class World {
  readonly seed: number;
  readonly queue = new EventQueue();
  readonly clock = new WorldClock(this.queue);
  readonly network: MemoryNetwork;
  readonly hosts: Host[] = [];
  readonly observers: Observer[];
  readonly newId: () => string;
  readonly hostSize: number;
  readonly snapshotLimits: SnapshotLimits | undefined;
  readonly dataPlane: DataPlaneKind;
  readonly sealed: boolean;
  /** All unlock keys that somebody has noted, the newest one first: who restarts a host tries them. */
  readonly unlockKeys: UnlockKey[] = [];
  /** What is outside of the cluster and signs its nodes' certificates. */
  callExternalCa: CallExternalCa = () => Promise.reject(new Error("there is no external CA in this world"));
  /** Events that have happened. */
  events = 0;
  readonly #clockError: (number: number) => ClockError;
  readonly #release: Release | undefined;
  /** Hosts that have moved so far. */
  #moves = 0;
  /** Addresses that hosts had before they moved. */
  readonly #left = new Set<string>();
  /** Hosts where something has happened since the observers looked: the first `#touchedCount`. The list is used again. */
  readonly #touched: Host[] = [];
  #touchedCount = 0;
  readonly #turns = new Turns();
  /** What went wrong where nobody waits for it; the next step throws it. */
  #failure: { readonly error: unknown } | undefined;

  constructor(options: WorldOptions) {
    const { seed, observers = [], clockError = () => ({ rate: 1, wallMs: 0 }), hostSize = 1 } = options;
    this.seed = seed;
    this.hostSize = hostSize;
    this.snapshotLimits = options.snapshotLimits;
    this.dataPlane = options.dataPlane ?? "ports";
    this.sealed = options.sealed === true;
    this.observers = [...observers];
    this.#clockError = clockError;
    this.#release = options.release;
    this.network = new MemoryNetwork({ clock: this.clock, random: randomFor(seed, "network") });
    const ids = randomFor(seed, "ids");
    this.newId = () => randomId(ids);
  }

  /** Loads what is loaded at the first use, so that it takes no real time inside a run. */
  static async warmUp(): Promise<void> {
    await createCa({ clusterId: "warm-up", now: 0 });
  }

  /** A new host with nothing on it. */
  addHost(): Host {
    const number = this.hosts.length + 1;
    const name = `host${String(number)}`;
    const random = randomFor(this.seed, name);
    const address = `10.0.${String(number >> 8)}.${String(number & 255)}:7373`;
    const kernelRandom = randomFor(this.seed, `${name} kernel`);
    const namesRandom = randomFor(this.seed, `${name} names`);
    const clockError = this.#clockError(number);
    const host = new Host(this, { name, address, random, kernelRandom, namesRandom, clockError });
    host.protocol = this.#release;
    this.hosts.push(host);
    return host;
  }

  /**
   * Gives a host that doesn't run another address: a new one, or one that another host had before. Its daemon is told where
   * the others are by now: all of them may have moved since it saw them last.
   */
  move(host: Host, random: Random): void {
    if (host.running) throw new Error(`${host.name} still runs`);
    const others = this.hosts.filter((other) => other !== host).map(({ address }) => address);
    const vacant = [...this.#left].filter((address) => address !== host.address && !others.includes(address));
    const again = random.next() < 0.3 ? vacant[random.below(vacant.length)] : undefined;
    this.#left.add(host.address);
    this.#moves += 1;
    host.address = again ?? `10.1.${String(this.#moves >> 8)}.${String(this.#moves & 255)}:7373`;
    host.peers = others;
  }

  /** Starts a cluster on a host. */
  async found(host: Host, settings: Partial<ClusterSpec> = {}): Promise<void> {
    const life = host.life ?? (await host.boot());
    const chosen = this.dataPlane === "ports" ? {} : { dataPlane: this.dataPlane, addressPool: ADDRESS_POOL };
    const spec = { ...DEFAULT_CLUSTER_SPEC, ...settings };
    const root = settings.externalCas && ({ root: "external" } as const);
    await this.during(
      life.node.control.init(
        { advertiseAddr: host.address, availability: "active", labels: {}, spec, ...root, ...chosen },
        new AbortController().signal,
      ),
    );
  }

  /** Lets a host into the cluster, through any of the others. Rejects as `murmur node join` does. */
  async join(host: Host): Promise<void> {
    const life = host.life ?? (await host.boot());
    const token = this.joinToken();
    if (token === undefined) throw new Error("nobody knows the join token");
    const addresses = this.running.filter((other) => other !== host).map(({ address }) => address);
    await life.node.control.join(
      { token, addresses, advertiseAddr: host.address, availability: "active", labels: {} },
      new AbortController().signal,
    );
  }

  /** Starts the process of a host that was in the cluster. */
  restart(host: Host): void {
    this.background(host.resume());
  }

  joinToken(): string | undefined {
    const cluster = this.running.map(({ manager }) => manager?.view.cluster()).find((found) => found !== undefined);
    return cluster && formatToken({ caDigest: caDigest(cluster.caPem), secret: cluster.secrets.joinSecret });
  }

  get running(): Host[] {
    return this.hosts.filter(({ life }) => life !== undefined);
  }

  /** The host that leads, as it says itself; the one with the highest term, if several do. */
  get leader(): Host | undefined {
    let best: { readonly host: Host; readonly term: number } | undefined;
    for (const host of this.hosts) {
      const status = host.member?.host.manager()?.status();
      if (status?.role === "leader" && status.term > (best?.term ?? 0)) best = { host, term: status.term };
    }
    return best?.host;
  }

  /** Lets time pass until then, in simulated time since the world began. */
  async runUntil(until: Millis): Promise<void> {
    const happens = (): boolean => {
      const run = this.queue.take(until);
      if (run === undefined) return false;
      run();
      this.events += 1;
      return true;
    };
    if (happens()) await this.#settleWhile(happens);
  }

  pass(byMs: Millis): Promise<void> {
    return this.runUntil(this.queue.now + byMs);
  }

  /** Lets time pass until a condition holds, looking now and then. Returns how long it took; undefined: not within it. */
  async until(condition: () => boolean, limitMs: Millis, lookMs: Millis = 10): Promise<Millis | undefined> {
    const start = this.queue.now;
    while (!condition()) {
      if (this.queue.now - start >= limitMs) return undefined;
      await this.pass(lookMs);
    }
    return this.queue.now - start;
  }

  /** Lets time pass until a promise settles. */
  async during<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const watched = work.finally(() => (settled = true));
    watched.catch(() => {});
    await this.settle();
    const start = this.queue.now;
    while (!settled) {
      if (this.queue.now - start > WAIT_MS) throw new Error("nothing came of it in five minutes of simulated time");
      await this.pass(5);
    }
    return watched;
  }

  /** Work that nobody waits for; when it fails, the run has failed. */
  background(work: Promise<unknown>): void {
    work.catch((error: unknown) => (this.#failure ??= { error }));
  }

  /** Lets all that follows from what has happened run, and the observers look at it. */
  settle(): Promise<void> {
    return this.#settleWhile(() => false);
  }

  touched(host: Host): void {
    for (let at = 0; at < this.#touchedCount; at += 1) if (this.#touched[at] === host) return;
    this.#touched[this.#touchedCount] = host;
    this.#touchedCount += 1;
  }

  tell(what: (observer: Observer) => void): void {
    for (const observer of this.observers) {
      try {
        what(observer);
      } catch (error) {
        // It may be in the middle of the system's own code, which must not catch it.
        this.#failure ??= { error };
      }
    }
  }

  /** Settles, and does so again for as long as something happens then. A loop of promises would take longer than most of what happens. */
  #settleWhile(happens: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        if (cryptoUnderWay() > 0) return void cryptoDone().then(() => this.#turns.next(turn));
        try {
          this.#look();
          if (happens()) this.#turns.next(turn);
          else resolve();
        } catch (error) {
          reject(error);
        }
      };
      this.#turns.next(turn);
    });
  }

  /** The observers look at every host where something has happened. */
  #look(): void {
    for (let at = 0; at < this.#touchedCount; at += 1) {
      const host = this.#touched[at];
      if (host === undefined) continue;
      for (const observer of this.observers) {
        try {
          observer.stepped?.(host);
        } catch (error) {
          this.#failure ??= { error };
        }
      }
    }
    this.#touchedCount = 0;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
