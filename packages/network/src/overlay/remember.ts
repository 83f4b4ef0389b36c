/**
 * Remembers of each object what was made of it last, and what else went into that: the same again is the same value. It is
 * forgotten with the object.
 */
export function remember<Key extends WeakKey, Inputs extends readonly unknown[], Value>(
  make: (key: Key, ...inputs: Inputs) => Value,
): (key: Key, ...inputs: Inputs) => Value {
  const made = new WeakMap<Key, { readonly inputs: Inputs; readonly value: Value }>();
  return (key, ...inputs) => {
    const before = made.get(key);
    if (before !== undefined && isSameList(before.inputs, inputs)) return before.value;
    const value = make(key, ...inputs);
    made.set(key, { inputs, value });
    return value;
  };
}

/** Whether two lists have the same items. */
const isSameList = (left: readonly unknown[], right: readonly unknown[]): boolean =>
  left.length === right.length && left.every((item, at) => item === right[at]);
