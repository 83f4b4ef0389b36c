import type { Model } from "./model.ts";

/** An operation as the search sees it. `Output` is undefined when the outcome is unknown. */
export interface Step<Input, Output> {
  readonly input: Input;
  readonly output: Output | undefined;
}

/** No state: the operation can't be executed there. */
export const IMPOSSIBLE = -1;

/**
 * The states that were met, each with a small number, and where operations lead from them: the model is asked once for
 * each. Grows with the steps of a search, which are bounded.
 */
export class ObjectStates<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #object: string;
  readonly #states: State[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #after = new Map<Step<Input, Output>, Map<number, number>>();

  constructor(model: Model<State, Input, Output>, object: string) {
    this.#model = model;
    this.#object = object;
    this.#numberOf(model.initial);
  }

  /** The state before the history has the number 0. */
  describe(number: number): string {
    const state = this.#states[number];
    return state === undefined ? "?" : this.#model.describeState(state);
  }

  /** The state after an operation, or `IMPOSSIBLE`. */
  after(number: number, step: Step<Input, Output>): number {
    let known = this.#after.get(step);
    if (known === undefined) this.#after.set(step, (known = new Map()));
    let next = known.get(number);
    if (next === undefined) known.set(number, (next = this.#ask(number, step)));
    return next;
  }

  #ask(number: number, { input, output }: Step<Input, Output>): number {
    const state = this.#states[number];
    if (state === undefined) return IMPOSSIBLE;
    const next = this.#model.step(state, { object: this.#object, input, output });
    return next === undefined ? IMPOSSIBLE : this.#numberOf(next);
  }

  #numberOf(state: State): number {
    const key = this.#model.keyOf(state);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#states.push(state) - 1;
    this.#numbers.set(key, number);
    return number;
  }
}
