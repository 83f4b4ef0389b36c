/** Thrown when an invariant of the program itself is broken. Never caught to carry on: the process must stop. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Checks an invariant; always on. `message` states what is broken, in the words of the invariant. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks the end of an exhaustive `switch`: a new member of the union becomes a type error here. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
