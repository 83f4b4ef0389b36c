import type { Millis } from "@murmur/base";
import type { Place } from "../kernel-object.ts";
import { hasNoNamespace, type CommandResult } from "./commands.ts";
import { NftShell } from "./nft-shell.ts";

/** At once. Each has about 1 MiB of its own. */
const SHELLS_MAX = 64;
/** What is more in one transaction is for a process of its own: what is saved is little then, and a shell would keep it all. */
const LINES_MAX_CHARS = 32 * 1024;
/** One that was told nothing for this long ends, and lets go of its namespace. */
const IDLE_MS: Millis = 60_000;
const FIRST_ANSWER_MS: Millis = 10_000;
/** After so many that never answered, this machine's nft counts as one that has no shell. A machine may stand still for one. */
const TRIES = 3;

/**
 * The shells of nft in the places where something changed a short while ago: changes come in crowds, and each is for all
 * containers. Where none can be had, whoever asks starts a process, as for any other program.
 */
export class NftShells implements Disposable {
  /** Used last: last. */
  readonly #shells = new Map<Place, NftShell>();
  /** Shells that never answered, before any has. */
  #triedInVain = 0;
  #hasAnswered = false;
  #isDisposed = false;
  readonly #firstAnswerMs: Millis;

  constructor(firstAnswerMs = FIRST_ANSWER_MS) {
    this.#firstAnswerMs = firstAnswerMs;
  }

  /** How many there are. */
  get size(): number {
    return this.#shells.size;
  }

  /**
   * Does the lines as one transaction. Undefined: no shell can be had, and nothing that it said is known to be done.
   *
   * @throws ClusterError `timeout`
   */
  async run(place: Place, netns: string | undefined, lines: readonly string[]): Promise<CommandResult | undefined> {
    const length = lines.reduce((sum, line) => sum + line.length, 0);
    const shell = length > LINES_MAX_CHARS ? undefined : this.#shellOf(place, netns);
    if (shell === undefined) return undefined;
    try {
      const result = await shell.run(lines);
      this.#hasAnswered ||= shell.answered > 0;
      if (shell.answered > 0 || hasNoNamespace(result)) return result;
    } catch (error) {
      if (shell.answered > 0) throw error;
    }
    this.#triedInVain += 1;
    return undefined;
  }

  /** Nothing more is to be done in a place. */
  leave(place: Place): void {
    this.#shells.get(place)?.end();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const shell of this.#shells.values()) shell.end();
  }

  get #isMissing(): boolean {
    return !this.#hasAnswered && this.#triedInVain >= TRIES;
  }

  #shellOf(place: Place, netns: string | undefined): NftShell | undefined {
    if (this.#isMissing || this.#isDisposed) return undefined;
    const known = this.#shells.get(place);
    if (known === undefined && this.#shells.size >= SHELLS_MAX && !this.#endOne()) return undefined;
    const forget = (ended: NftShell): void => {
      if (this.#shells.get(place) === ended) this.#shells.delete(place);
    };
    const shell = known ?? new NftShell({ netns, idleMs: IDLE_MS, firstAnswerMs: this.#firstAnswerMs, onEnd: forget });
    this.#shells.delete(place);
    this.#shells.set(place, shell);
    return shell.isBusy ? undefined : shell;
  }

  /** Makes room; false: all are at work. */
  #endOne(): boolean {
    const idle = this.#shells.values().find(({ isBusy }) => !isBusy);
    idle?.end();
    return idle !== undefined;
  }
}
