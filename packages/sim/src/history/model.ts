/**
 * What the system promises, as a state machine over several objects that have nothing to do with each other (services
 * by name, nodes by id). Pure. An operation is about one object, or reads all of them at one moment.
 *
 * A state may be a belief: it then stands for all the real states that fit what was seen. What only reads may narrow a
 * belief and nothing else.
 */
export interface Model<State, Input, Output> {
  /** Each object's state before the history. */
  readonly initial: State;
  /** The object that an operation is about; undefined: it reads them all at once. */
  objectOf(input: Input): string | undefined;
  /** The objects that the answer to a read of all of them shows: it is wrong when nobody else ever spoke of them. */
  objectsShown(output: Output): readonly string[];
  /**
   * The state of one object after an operation; undefined when the operation can't have this output in this state. No
   * output: the outcome is unknown, and what is asked is the state if it is executed now (undefined: that changes
   * nothing).
   */
  step(state: State, event: ModelEvent<Input, Output>): State | undefined;
  /** Whether an operation with this output (undefined: with any) leaves every object as it was, whatever its state. */
  isReadOnly(input: Input, output: Output | undefined): boolean;
  /** Equal texts for equal states, others for others. */
  keyOf(state: State): string;
  /** One short line for people. */
  describe(input: Input, output: Output | undefined): string;
  describeState(state: State): string;
}

export interface ModelEvent<Input, Output> {
  readonly object: string;
  readonly input: Input;
  readonly output: Output | undefined;
}
