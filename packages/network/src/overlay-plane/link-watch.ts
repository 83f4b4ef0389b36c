import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Clock, Millis, Timer } from "@murmur/base";

const MONITOR = ["ip", "-o", "monitor", "link", "address"] as const;
const AGAIN_MS: Millis = 5_000;
/** `Deleted 3: br0    inet6 fd00::1/64 …`, or `Deleted 3: br0: <…>` for the device itself; `br0@if4` where it has a peer. */
const DELETED = /^Deleted \d+: ([^\s:@]+)/;

export interface LinkWatchOptions {
  /** A device of this host has lost an address, or is gone. */
  readonly onLoss: (device: string) => void;
  readonly clock: Clock;
}

/**
 * Hears from the kernel when a device or an address of the host's goes, whoever took it: `ip monitor`, which is started again
 * after a while if it ends. What nobody tells of is found by the checks.
 */
export class LinkWatch implements Disposable {
  readonly #options: LinkWatchOptions;
  #child: ChildProcess | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: LinkWatchOptions) {
    this.#options = options;
    this.#start();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#child?.kill("SIGKILL");
  }

  #start(): void {
    const [program, ...args] = MONITOR;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const device = DELETED.exec(line)?.[1];
      if (device !== undefined && !this.#closed) this.#options.onLoss(device);
    });
    let isOver = false;
    const over = (): void => {
      if (isOver || this.#closed) return;
      isOver = true;
      this.#timer = this.#options.clock.setTimer(AGAIN_MS, () => this.#start());
    };
    child.once("error", over);
    child.once("close", over);
  }
}
