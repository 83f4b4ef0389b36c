/** What is kept at most, in bytes; beyond it all is forgotten: it is soon made again. */
const BYTES_MAX = 8 * 1024 * 1024;
/** What an answer costs beside its bytes, and a question beside its key: the runtime's objects, about. */
const ANSWER_COST = 256;
const QUESTION_COST = 256;
const TURN_COST = 8;

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
    let cost = bytes.length + ANSWER_COST;
    if (!this.#answers.has(key)) cost += key.length + QUESTION_COST + turns * TURN_COST;
    if (this.#bytes + cost > BYTES_MAX) this.clear();
    this.#bytes += cost;
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = new RenderedAnswer(turn, turns);
      this.#answers.set(key, answer);
    }
    // A copy in memory of its own: the writer's is larger, and shared with what is soon forgotten.
    answer.fill(Buffer.from(new Uint8Array(bytes).buffer));
  }

  clear(): void {
    this.#answers.clear();
    this.#bytes = 0;
  }
}
