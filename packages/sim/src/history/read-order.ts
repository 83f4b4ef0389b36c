import type { Millis } from "@murmur/base";

/** Problems that are told. */
const TOLD_MAX = 10;

/**
 * The order of linearizable reads of the whole state, by the version of the state that each shows: one that begins after
 * another has ended shows at least that one's version. It says less than the histories of the objects do, but hears of
 * every change: a stale read need not be of the object that has changed.
 */
export class ReadOrder {
  readonly #now: () => Millis;
  readonly #problems: string[] = [];
  /** The highest version that a read has shown, and when. */
  #last = { version: 0, at: 0 };

  constructor(now: () => Millis) {
    this.#now = now;
  }

  /** A read begins. Its end is to be told to what this returns. */
  begin(): (version: number) => void {
    const [begun, before] = [this.#now(), this.#last];
    return (version) => {
      if (version < before.version && this.#problems.length < TOLD_MAX)
        this.#problems.push(
          `a stale read: begun at ${seconds(begun)}, it shows version ${String(version)} at ${seconds(this.#now())}; ` +
            `version ${String(before.version)} was read at ${seconds(before.at)}`,
        );
      if (version > this.#last.version) this.#last = { version, at: this.#now() };
    };
  }

  problems(): readonly string[] {
    return this.#problems;
  }
}

const seconds = (ms: Millis): string => `${(ms / 1_000).toFixed(4)} s`;
