import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Server } from "node:net";
import { messageOf, type Clock, type Log, type Millis, type Timer } from "@murmur/base";
import { NO_TRAFFIC, type ProxyStats } from "../proxy.ts";
import type { FromWorker, Knowledge, ToWorker } from "./messages.ts";

/** How long a process may take to start and to learn what there is. */
const START_MS: Millis = 20_000;
/** And one that serves, to learn something new: for so long a withdrawal waits for it. One that takes longer is ended. */
const LEARN_MS: Millis = 2_000;
const END_MS: Millis = 1_000;

/** How a worker is started: a script, and what it is given. It calls `runProxyWorker`. */
export interface WorkerProgram {
  readonly path: string;
  readonly args: readonly string[];
  /** Node's own options; left out: this process's. */
  readonly execArgv?: readonly string[];
}

export interface HiredWorkerOptions {
  readonly program: WorkerProgram;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once: the process has ended, by itself or because it was told to. */
  readonly onEnd: (worker: HiredWorker, wasTold: boolean) => void;
}

/**
 * One worker's process, as the daemon sees it. What it is to know is told it whole, and only what is newest: while one message
 * is on its way, at most one more waits. It listens only once it knows something.
 */
export class HiredWorker {
  readonly #options: HiredWorkerOptions;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #sent = 0;
  #known = 0;
  #waiting: Knowledge | undefined;
  #deadline: Timer | undefined;
  /** Who waits for it to know a message, by that one's number. */
  readonly #waiters = new Set<{ readonly number: number; readonly wake: () => void }>();
  /** What it is to listen on; until it knows something it is not told. */
  readonly #sockets = new Map<string, Server>();
  #stats: ProxyStats = NO_TRAFFIC;
  #state: "starting" | "serving" | "told to end" | "ended" = "starting";

  /** @throws Error when no process can be started */
  constructor(options: HiredWorkerOptions) {
    this.#options = options;
    const { path, args, execArgv } = options.program;
    this.#child = fork(path, args, {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      ...(execArgv !== undefined && { execArgv: [...execArgv] }),
    });
    // That it could not be started, or not be reached, is an end as well.
    this.#ended = once(this.#child, "exit")
      .catch(() => this.#kill())
      .then(() => this.#end());
    this.#child.on("error", (error) => options.log.warn("a proxy worker failed", { error: messageOf(error) }));
    this.#child.on("message", (message) => this.#hear(message as FromWorker));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }
  get isServing(): boolean {
    return this.#state === "serving";
  }
  /** Whether it may still choose by something older than what it was told. */
  get isLate(): boolean {
    return this.#state !== "starting" && this.#state !== "ended" && this.#sent > this.#known;
  }

  stats(): ProxyStats {
    return this.#stats;
  }

  /** From now on it chooses by this; see `settled`. */
  know(knowledge: Knowledge): void {
    if (this.#sent > this.#known) this.#waiting = knowledge;
    else this.#teach(knowledge);
  }

  listen(key: string, socket: Server): void {
    this.#sockets.set(key, socket);
    if (this.#state === "serving") this.#tell({ kind: "listen", key }, socket);
  }

  close(key: string): void {
    if (this.#sockets.delete(key) && this.#state === "serving") this.#tell({ kind: "close", key });
  }

  /** Resolves when it knows all that it was told until now, or has ended. One that does not serve yet chooses nothing. */
  async settled(): Promise<void> {
    if (!this.isLate) return;
    const number = this.#waiting === undefined ? this.#sent : this.#sent + 1;
    await new Promise<void>((wake) => this.#waiters.add({ number, wake }));
  }

  /** Lets it end when its connections have; it takes no new ones. */
  retire(): void {
    this.#state = "told to end";
    this.#sockets.clear();
    this.#tell({ kind: "retire" });
  }

  /** Ends it, and breaks its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "told to end";
    this.#tell({ kind: "end" });
    const timer = this.#options.clock.setTimer(END_MS, () => this.#kill());
    await this.#ended;
    timer.cancel();
  }

  #teach(knowledge: Knowledge): void {
    this.#waiting = undefined;
    this.#sent += 1;
    this.#deadline = this.#options.clock.setTimer(this.#known === 0 ? START_MS : LEARN_MS, () => {
      this.#options.log.warn("a proxy worker doesn't answer; ending it", { pid: this.#child.pid });
      this.#kill();
    });
    this.#tell({ kind: "know", number: this.#sent, knowledge });
  }

  #hear(message: FromWorker): void {
    if (this.#state === "ended") return;
    switch (message.kind) {
      case "known":
        return this.#learn(message.number);
      case "stats":
        this.#stats = message.stats;
        return;
      case "log":
        return this.#options.log[message.level](message.message, { ...message.fields, worker: this.#child.pid });
    }
  }

  #learn(known: number): void {
    this.#deadline?.cancel();
    this.#known = known;
    this.#wake(known);
    if (this.#waiting !== undefined) return this.#teach(this.#waiting);
    if (this.#state !== "starting") return;
    this.#state = "serving";
    for (const [key, socket] of this.#sockets) this.#tell({ kind: "listen", key }, socket);
  }

  #wake(known: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.number > known) continue;
      this.#waiters.delete(waiter);
      waiter.wake();
    }
  }

  #end(): void {
    const wasTold = this.#state === "told to end";
    this.#state = "ended";
    this.#deadline?.cancel();
    this.#wake(Infinity);
    this.#stats = { ...this.#stats, connections: 0 };
    this.#options.onEnd(this, wasTold);
  }

  #kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Whoever can't be told anything has ended, or will. */
  #tell(message: ToWorker, socket?: Server): void {
    this.#child.send(message, socket, {}, (error) => {
      if (error !== null) this.#options.log.debug("a proxy worker can't be reached", { error: messageOf(error) });
    });
  }
}
