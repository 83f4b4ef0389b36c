import type { Clock, Millis } from "@murmur/base";
import type { LogEntry } from "./log-entry.ts";

/** What is taken together; more comes with the next batch. */
const BATCH_BYTES = 64 * 1024;

export interface Patience {
  /** For what a source says first: it has to be reached. */
  readonly firstMs: Millis;
  /** For what it says after that. */
  readonly laterMs: Millis;
}

/** `idle` has nothing and isn't asked. */
type State =
  | { readonly kind: "idle" }
  | { readonly kind: "reading"; readonly since: Millis }
  | { readonly kind: "ready"; readonly batch: readonly LogEntry[]; at: number };

interface Source {
  readonly entries: AsyncIterator<readonly LogEntry[], unknown, undefined>;
  heard: boolean;
  state: State;
}

/**
 * Merges logs by their times, as far as they come together: a source that is silent holds the others up for no longer than
 * the patience. What each source says stays in its order. Nothing is read ahead but one batch of each source, and nothing is
 * read while nobody takes what is there.
 */
export class TimeMerge {
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #sources = new Set<Source>();
  #finished = false;
  #closed = false;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, patience: Patience) {
    this.#clock = clock;
    this.#patience = patience;
  }

  /** Sources don't reject: what goes wrong is an entry. One that does is over. */
  add(entries: AsyncIterable<readonly LogEntry[]>): void {
    this.#sources.add({ entries: entries[Symbol.asyncIterator](), heard: false, state: { kind: "idle" } });
    this.#ring();
  }

  /** No more sources are added: the merged log ends with the last of them. */
  finish(): void {
    this.#finished = true;
    this.#ring();
  }

  /** Ends the merged log at once. */
  close(): void {
    this.#closed = true;
    this.#ring();
  }

  async *batches(): AsyncGenerator<readonly LogEntry[], void, undefined> {
    try {
      while (!this.#closed) {
        for (const source of this.#sources) if (source.state.kind === "idle") this.#read(source);
        const waitMs = this.#patienceLeft();
        const batch = waitMs > 0 ? [] : this.#take();
        if (batch.length > 0) yield batch;
        else if (this.#finished && this.#sources.size === 0) return;
        else await this.#heard(waitMs);
      }
    } finally {
      for (const { entries } of this.#sources) void entries.return?.().catch(() => {});
    }
  }

  #read(source: Source): void {
    source.state = { kind: "reading", since: this.#clock.monotonic() };
    source.entries.next().then(
      ({ done, value }) => {
        if (done === true) this.#sources.delete(source);
        else source.state = value.length === 0 ? { kind: "idle" } : { kind: "ready", batch: value, at: 0 };
        source.heard = true;
        this.#ring();
      },
      () => {
        this.#sources.delete(source);
        this.#ring();
      },
    );
  }

  /** How long the slowest source may still take; 0 when none is waited for. */
  #patienceLeft(): Millis {
    const now = this.#clock.monotonic();
    let left = 0;
    for (const { state, heard } of this.#sources) {
      if (state.kind !== "reading") continue;
      const patience = heard ? this.#patience.laterMs : this.#patience.firstMs;
      left = Math.max(left, state.since + patience - now);
    }
    return left;
  }

  /** The earliest entries, until a source has no more of them at hand. */
  #take(): LogEntry[] {
    const taken: LogEntry[] = [];
    let bytes = 0;
    while (bytes < BATCH_BYTES) {
      const { first, second } = this.#earliest();
      if (first?.state.kind !== "ready") break;
      const { state } = first;
      const until = second === undefined ? undefined : timeOf(second);
      do {
        const entry = state.batch[state.at];
        if (entry === undefined) break;
        taken.push(entry);
        bytes += sizeOf(entry);
        state.at += 1;
      } while (state.at < state.batch.length && bytes < BATCH_BYTES && (until === undefined || timeOf(first) <= until));
      if (state.at < state.batch.length) continue;
      first.state = { kind: "idle" };
      break;
    }
    return taken;
  }

  /** The two sources whose next entries are the earliest. */
  #earliest(): { readonly first: Source | undefined; readonly second: Source | undefined } {
    let first: Source | undefined;
    let second: Source | undefined;
    for (const source of this.#sources) {
      if (source.state.kind !== "ready") continue;
      if (first === undefined || timeOf(source) < timeOf(first)) [first, second] = [source, first];
      else if (second === undefined || timeOf(source) < timeOf(second)) second = source;
    }
    return { first, second };
  }

  #ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Waits for news; for no longer than the given time, if it isn't 0. */
  async #heard(limitMs: Millis): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = limitMs > 0 ? this.#clock.setTimer(limitMs, resolve) : undefined;
        this.#wake = () => {
          timer?.cancel();
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#rung = false;
  }
}

/** What is no line comes first: it stands for no moment. */
function timeOf({ state }: Source): string {
  const entry = state.kind === "ready" ? state.batch[state.at] : undefined;
  return entry !== undefined && "at" in entry ? entry.at : "";
}

const sizeOf = (entry: LogEntry): number => 64 + ("text" in entry ? entry.text.byteLength : 0);
