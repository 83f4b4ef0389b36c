import { assert, type ErrorCode, type Millis } from "@murmur/base";

/**
 * When something was seen. `order` counts the recorder's own moments, so two things never happen at once and nothing
 * depends on how coarse the clock is; `atMs` is the simulated time, for people.
 */
export interface Moment {
  readonly order: number;
  readonly atMs: Millis;
}

/** How an operation ended, as its client saw it. */
export type Ending<Output> =
  /** It was executed, or refused, somewhere between its call and this moment. */
  | { readonly kind: "returned"; readonly output: Output; readonly at: Moment }
  /** The contract of the error says that it was not executed and never will be. */
  | { readonly kind: "not_executed"; readonly code: ErrorCode; readonly at: Moment }
  /** It took effect at any time after its call, also later than this moment, or never. No moment: nobody answered. */
  | { readonly kind: "unknown"; readonly code?: ErrorCode; readonly at?: Moment };

/** One call of one client. */
export interface Operation<Input, Output> {
  /** Its place in the history, by calls, from 0. */
  readonly number: number;
  readonly client: string;
  readonly input: Input;
  readonly called: Moment;
  readonly ending: Ending<Output>;
}

/** An operation that was called and has not ended. It ends once. */
export interface OpenOperation<Output> {
  returned(output: Output): void;
  notExecuted(code: ErrorCode): void;
  unknown(code: ErrorCode): void;
}

export interface HistoryOptions {
  /** The most operations; one more is a broken invariant of the run that records them. */
  readonly limit: number;
  readonly now: () => Millis;
}

/** Records what clients asked and what they were told, in the order in which it happened. */
export class HistoryRecorder<Input, Output> {
  readonly #options: HistoryOptions;
  readonly #operations: { -readonly [K in keyof Operation<Input, Output>]: Operation<Input, Output>[K] }[] = [];
  #order = 0;

  constructor(options: HistoryOptions) {
    assert(options.limit > 0, "a history's limit is positive");
    this.#options = options;
  }

  get size(): number {
    return this.#operations.length;
  }

  /** Notes a call, before anything of it leaves the client. Until it is ended its outcome is unknown. */
  call(client: string, input: Input): OpenOperation<Output> {
    const { limit } = this.#options;
    assert(this.#operations.length < limit, `a history holds ${limit} operations at the most`);
    const number = this.#operations.length;
    this.#operations.push({ number, client, input, called: this.#moment(), ending: { kind: "unknown" } });
    let open = true;
    const end = (ending: (at: Moment) => Ending<Output>): void => {
      const operation = this.#operations[number];
      assert(open && operation !== undefined, "an operation ends once");
      open = false;
      operation.ending = ending(this.#moment());
    };
    return {
      returned: (output) => end((at) => ({ kind: "returned", output, at })),
      notExecuted: (code) => end((at) => ({ kind: "not_executed", code, at })),
      unknown: (code) => end((at) => ({ kind: "unknown", code, at })),
    };
  }

  /** What was recorded up to now, in the order of the calls. */
  history(): readonly Operation<Input, Output>[] {
    return this.#operations.map((operation) => ({ ...operation }));
  }

  #moment(): Moment {
    this.#order += 1;
    return { order: this.#order, atMs: this.#options.now() };
  }
}
