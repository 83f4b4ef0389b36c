import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Clock, Millis, Timer } from "@murmur/base";

const MONITOR = ["ip", "-o", "monitor", "link", "address"] as const;
const AGAIN_MS: Millis = 5_000;
/** What is lost within this time is told of once, and so far apart at least. */
const GATHER_MS: Millis = 250;
const PAUSE_MS: Millis = 1_000;
/** `Deleted 3: br0    inet6 fd00::1/64 …`, or `Deleted 3: br0: <…>` for the device itself; `br0@if4` where it has a peer. */
const DELETED = /^Deleted \d+: ([^\s:@]+)/;

/** Who wants to know of losses. */
export interface LossWatcher {
  readonly isOwn: (device: string) => boolean;
  /** Devices of its own have lost an address, or are gone. */
  readonly onLoss: () => void;
}

export interface LinkWatchOptions extends LossWatcher {
  readonly clock: Clock;
}

/**
 * Hears from the kernel when a device or an address of the host's goes, whoever took it: `ip monitor`, which is started again
 * after a while if it ends. What nobody tells of is found by the checks.
 */
export class LinkWatch implements Disposable {
  readonly #options: LinkWatchOptions;
  #child: ChildProcess | undefined;
  #restart: Timer | undefined;
  #gathering: Timer | undefined;
  #toldAt: Millis = -Infinity;
  #closed = false;

  constructor(options: LinkWatchOptions) {
    this.#options = options;
    this.#start();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#restart?.cancel();
    this.#gathering?.cancel();
    this.#child?.kill("SIGKILL");
  }

  #start(): void {
    const [program, ...args] = MONITOR;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const device = DELETED.exec(line)?.[1];
      if (device !== undefined && !this.#closed) this.#lost(device);
    });
    let isOver = false;
    const over = (): void => {
      if (isOver || this.#closed) return;
      isOver = true;
      this.#restart = this.#options.clock.setTimer(AGAIN_MS, () => this.#start());
    };
    child.once("error", over);
    child.once("close", over);
  }
  #lost(device: string): void {
    const { isOwn, onLoss, clock } = this.#options;
    if (this.#gathering !== undefined || !isOwn(device)) return;
    const delayMs = Math.max(GATHER_MS, this.#toldAt + PAUSE_MS - clock.monotonic());
    this.#gathering = clock.setTimer(delayMs, () => {
      this.#gathering = undefined;
      this.#toldAt = clock.monotonic();
      onLoss();
    });
  }
}
