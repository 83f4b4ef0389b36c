import type { Clock, Millis } from "@murmur/base";
import type { Link, LinkEvents } from "./link.ts";

/** How something that happens reaches a process: at once, or later when the process is held up, or never. */
export type Enter = (work: () => void) => void;

export interface MemoryPipeOptions {
  readonly clock: Clock;
  /** How long the next frame that this end sends takes. */
  readonly latency: () => Millis;
  /** How events reach the process at this end. */
  readonly enter: Enter;
  /** One end will carry nothing any more. */
  readonly onEnded: (end: MemoryLink) => void;
}

interface InFlight {
  readonly bytes: Uint8Array;
  arrivesAt: Millis;
}

/** One end of a simulated connection. Frames arrive in order, each after its latency; a cut holds them back. */
export class MemoryLink implements Link {
  readonly #options: MemoryPipeOptions;
  #other: MemoryLink | undefined;
  #events: LinkEvents | undefined;
  #state: "open" | "closing" | "closed" = "open";
  /** Frames on their way to the other end, in order. */
  readonly #sent: InFlight[] = [];
  #bytes = 0;
  #lastArrival: Millis = 0;
  #timed = false;
  #cut = false;
  /** Frames that came before `attach`. */
  #early: Uint8Array[] = [];
  #endedEarly = false;

  private constructor(options: MemoryPipeOptions) {
    this.#options = options;
  }

  /** The two ends of a new connection. */
  static pair(leftOptions: MemoryPipeOptions, rightOptions: MemoryPipeOptions): [MemoryLink, MemoryLink] {
    const [left, right] = [new MemoryLink(leftOptions), new MemoryLink(rightOptions)];
    left.#other = right;
    right.#other = left;
    return [left, right];
  }

  get bufferedBytes(): number {
    return this.#bytes;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
    for (const bytes of this.#early.splice(0)) if (this.#state === "open") events.frame(bytes);
    if (this.#endedEarly) this.#tellClosed();
  }

  send(frame: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#bytes += frame.length;
    this.#sent.push({ bytes: frame, arrivesAt: this.#arrival() });
    this.#schedule();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#schedule();
  }

  destroy(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#sent.length = 0;
    this.#bytes = 0;
    this.#schedule();
  }

  /** Ends this side without a word, as a host that loses power does. */
  vanish(): void {
    this.#state = "closed";
    this.#sent.length = 0;
    this.#other = undefined;
    this.#options.onEnded(this);
  }

  /** The network ends the connection; this end notices at once. */
  reset(): void {
    if (this.#state !== "open") return;
    this.#sent.length = 0;
    this.noticed(() => this.#ended());
  }

  /** Holds everything back that this end sends, the end of the connection too. */
  cut(): void {
    this.#cut = true;
  }

  /** What was held back arrives after its latency. */
  heal(): void {
    if (!this.#cut) return;
    this.#cut = false;
    for (const frame of this.#sent) frame.arrivesAt = this.#arrival();
    this.#schedule();
  }

  /** Something happens at this end: its process notices when it can. */
  noticed(work: () => void): void {
    this.#options.enter(work);
  }

  #arrival(): Millis {
    const { clock, latency } = this.#options;
    this.#lastArrival = Math.max(this.#lastArrival, clock.monotonic() + latency());
    return this.#lastArrival;
  }

  #schedule(): void {
    if (this.#timed || this.#cut) return;
    const first = this.#sent[0];
    if (first === undefined && this.#state === "open") return;
    const { clock } = this.#options;
    this.#timed = true;
    const at = first?.arrivesAt ?? this.#arrival();
    clock.setTimer(Math.max(0, at - clock.monotonic()), () => {
      this.#timed = false;
      if (!this.#cut) this.#deliver();
    });
  }

  /** Everything that is due, in order; then the end of the connection, if it has ended. */
  #deliver(): void {
    const now = this.#options.clock.monotonic();
    let delivered = false;
    for (let next = this.#sent[0]; next !== undefined && next.arrivesAt <= now; next = this.#sent[0]) {
      this.#sent.shift();
      this.#bytes -= next.bytes.length;
      delivered = true;
      const other = this.#other;
      other?.noticed(() => other.#receive(next.bytes));
    }
    if (this.#sent.length > 0) this.#schedule();
    else if (this.#state !== "open") this.#finish();
    if (!delivered) return;
    this.noticed(() => {
      if (this.#state === "open") this.#events?.drained();
    });
  }

  #finish(): void {
    const other = this.#other;
    this.#state = "closed";
    this.#other = undefined;
    other?.noticed(() => other.#ended());
    this.#options.onEnded(this);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    if (this.#events === undefined) this.#early.push(bytes);
    else this.#events.frame(bytes);
  }

  #ended(): void {
    this.#other = undefined;
    if (this.#state !== "open") return;
    this.#sent.length = 0;
    this.#endedEarly = true;
    this.#options.onEnded(this);
    if (this.#events !== undefined) this.#tellClosed();
  }

  #tellClosed(): void {
    this.#state = "closed";
    this.#events?.closed();
  }
}
