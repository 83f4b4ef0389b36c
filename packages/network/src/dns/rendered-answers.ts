/** What is kept at most, in bytes of answers and in questions; beyond either all is forgotten: it is soon made again. */
const BYTES_MAX = 4 * 1024 * 1024;
const QUESTIONS_MAX = 8_192;

/** The answers to one question, one for each turn of the round. */
export class RenderedAnswer {
  /** The turn that the next asker is answered with. */
  turn: number;
  readonly #first: number;
  readonly #byTurn: (Buffer | undefined)[];

  constructor(first: number, turns: number) {
    this.turn = first;
    this.#first = first;
    this.#byTurn = Array.from({ length: turns }, () => undefined);
  }

  /** The answer of this turn, which is over then; undefined when it has not been rendered yet. */
  take(): Buffer | undefined {
    const bytes = this.#byTurn[this.turn - this.#first];
    if (bytes !== undefined) this.#advance();
    return bytes;
  }

  /** Keeps the answer of this turn, which is over then. */
  fill(bytes: Buffer): void {
    this.#byTurn[this.turn - this.#first] = bytes;
    this.#advance();
  }

  #advance(): void {
    this.turn += 1;
    if (this.turn === this.#first + this.#byTurn.length) this.turn = this.#first;
  }
}

/**
 * Answers in their wire format, by all that they depend on beside the table: who asks, and the query's bytes but for its
 * id. Whoever owns this clears it with every change of the table, so it can't go stale.
 */
export class RenderedAnswers {
  readonly #answers = new Map<string, RenderedAnswer>();
  #bytes = 0;

  get(key: string): RenderedAnswer | undefined {
    return this.#answers.get(key);
  }

  /** Keeps what was rendered for a turn; `turns`: how many there are for this question. */
  put(key: string, bytes: Buffer, { turn, turns }: { readonly turn: number; readonly turns: number }): void {
    if (this.#bytes + bytes.length > BYTES_MAX || this.#answers.size >= QUESTIONS_MAX) this.clear();
    this.#bytes += bytes.length;
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = new RenderedAnswer(turn, turns);
      this.#answers.set(key, answer);
    }
    answer.fill(bytes);
  }

  clear(): void {
    this.#answers.clear();
    this.#bytes = 0;
  }
}
