import type { Server } from "node:net";
import { messageOf, type Clock, type Log, type Millis, type Timer } from "@murmur/base";
import { NO_SUSPECTS } from "@murmur/discovery";
import type { EndpointTable } from "@murmur/model";
import { addStats, NO_TRAFFIC, type ProxyStats, type SharedPorts } from "../proxy.ts";
import { HiredWorker, type WorkerProgram } from "./hired-worker.ts";
import type { Knowledge } from "./messages.ts";

/** How often it is looked whether the daemon has too much to do, or a worker nothing. */
const LOOK_MS: Millis = 500;
/** The share of its time that the daemon's event loop must have been busy, and the connections open through it, for a hire. */
const BUSY = 0.7;
const CONNECTIONS_LEAST = 8;
/** A worker that has had no connection for this long is let go. */
const IDLE_MS: Millis = 600_000;
/** After one that has failed, none is hired for this long. */
const FAILED_MS: Millis = 60_000;

export interface WorkersOptions {
  readonly program: WorkerProgram;
  /** Beside the daemon itself. */
  readonly most: number;
  /** The share of its time, 0 to 1, that this process's event loop was busy since it was asked last; left out: Node's word. */
  readonly busy?: () => number;
}

/** One process does all. */
export const NO_WORKERS: WorkersOptions = { program: { path: "", args: [] }, most: 0 };

export interface ProxyWorkersOptions extends WorkersOptions {
  /** How many connections go through the daemon itself now. */
  readonly connections: () => number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is remembered of a worker. */
interface Use {
  /** When it last was seen to have, or to have had, something to do. */
  usedAt: Millis;
  total: number;
}

/**
 * Processes that carry connections of published TCP ports beside the daemon. An event loop has one processor; where that is
 * not enough, a worker is started for each further one, and goes when it has had nothing to do for long. All listen on the
 * same sockets and choose by the same table: nothing is settled before each of them knows it.
 */
export class ProxyWorkers implements SharedPorts, AsyncDisposable {
  readonly #options: ProxyWorkersOptions;
  readonly #busy: () => number;
  readonly #hired = new Map<HiredWorker, Use>();
  readonly #retired = new Set<HiredWorker>();
  readonly #sockets = new Map<string, Server>();
  /** As it was told. What workers are told is made of it only where there are some. */
  #news: Partial<Knowledge> = {};
  #past = NO_TRAFFIC;
  #timer: Timer | undefined;
  #notBefore: Millis = -Infinity;
  #closed = false;

  constructor(options: ProxyWorkersOptions) {
    this.#options = options;
    this.#busy = options.busy ?? eventLoopShare();
  }

  /** What connections are given to tasks by from now on; what is left out stays as it was. */
  know(news: Partial<Knowledge>): void {
    this.#news = { ...this.#news, ...news };
    this.#teach(this.#all());
  }

  opened(key: string, socket: Server): void {
    this.#sockets.set(key, socket);
    for (const worker of this.#hired.keys()) worker.listen(key, socket);
    if (!this.#closed && this.#timer === undefined && this.#options.most > 0) this.#lookLater();
  }

  closed(key: string): void {
    this.#sockets.delete(key);
    for (const worker of this.#hired.keys()) worker.close(key);
  }

  /** Whether there is one that takes connections. */
  get isServing(): boolean {
    return [...this.#hired.keys()].some((worker) => worker.isServing);
  }

  /** How many processes there are. */
  get count(): number {
    return this.#hired.size + this.#retired.size;
  }

  /** Resolves when what was told before is known to all; undefined where it is already. */
  settled(): Promise<void> | undefined {
    const late = this.#all().filter((worker) => worker.isLate);
    return late.length === 0 ? undefined : Promise.all(late.map((worker) => worker.settled())).then(() => {});
  }

  /** Of all workers, also of those that have ended. */
  stats(): ProxyStats {
    return this.#all().reduce((sum, worker) => addStats(sum, worker.stats()), this.#past);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all(this.#all().map((worker) => worker[Symbol.asyncDispose]()));
  }

  #teach(workers: readonly HiredWorker[]): void {
    const { table, sources = [], suspects = NO_SUSPECTS } = this.#news;
    if (table === undefined || workers.length === 0) return;
    const knowledge = { table: publishedOf(table), sources, suspects };
    for (const worker of workers) worker.know(knowledge);
  }

  #all(): readonly HiredWorker[] {
    return [...this.#hired.keys(), ...this.#retired];
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.setTimer(LOOK_MS, () => {
      this.#timer = undefined;
      this.#look();
      if (this.#sockets.size > 0 || this.#hired.size > 0) this.#lookLater();
    });
  }

  #look(): void {
    const { connections, most, clock } = this.#options;
    const now = clock.monotonic();
    const isBusy = this.#busy() >= BUSY;
    this.#letIdleGo(now);
    const isStarting = [...this.#hired.keys()].some((worker) => !worker.isServing);
    if (!isBusy || connections() < CONNECTIONS_LEAST) return;
    if (isStarting || this.count >= most || now < this.#notBefore) return;
    this.#hire(now);
  }

  #letIdleGo(now: Millis): void {
    for (const [worker, use] of this.#hired) {
      const { connections, connectionsTotal } = worker.stats();
      if (connections > 0 || connectionsTotal !== use.total) use.usedAt = now;
      use.total = connectionsTotal;
      if (!worker.isServing || now - use.usedAt < IDLE_MS) continue;
      this.#options.log.info("a proxy worker has had nothing to do for long; ending it");
      this.#hired.delete(worker);
      this.#retired.add(worker);
      worker.retire();
    }
  }

  #hire(now: Millis): void {
    const { program, clock, log } = this.#options;
    try {
      const worker = new HiredWorker({ program, clock, log, onEnd: (ended, wasTold) => this.#ended(ended, wasTold) });
      this.#hired.set(worker, { usedAt: now, total: 0 });
      this.#teach([worker]);
      for (const [key, socket] of this.#sockets) worker.listen(key, socket);
      const fields = { pid: worker.pid, workers: this.count };
      log.info("published ports need more than one processor: a proxy worker was started", fields);
    } catch (error) {
      this.#failed(messageOf(error));
    }
  }

  #ended(worker: HiredWorker, wasTold: boolean): void {
    this.#hired.delete(worker);
    this.#retired.delete(worker);
    this.#past = addStats(this.#past, worker.stats());
    if (!wasTold && !this.#closed) this.#failed("it has ended by itself");
  }

  #failed(error: string): void {
    const { log, clock } = this.#options;
    this.#notBefore = clock.monotonic() + FAILED_MS;
    log.warn("a proxy worker failed; the daemon goes on without it", { error });
  }
}

/** The services that have a port, without what only the overlay's kernel side needs. */
function publishedOf(table: EndpointTable): EndpointTable {
  const services = table.services.filter(({ published }) => published.length > 0);
  return { ...table, services: services.map(({ attached: _attached, ...service }) => service) };
}

function eventLoopShare(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}
