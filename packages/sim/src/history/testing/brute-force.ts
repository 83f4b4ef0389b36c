import type { Operation } from "../history.ts";
import type { Model } from "../model.ts";

/**
 * The definition of linearizability, word for word and without a thought for speed: every subset of the operations of
 * unknown outcome, every order. For histories of some seven operations.
 */
export function isLinearizable<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): boolean {
  const operations = history.filter(({ ending }) => ending.kind !== "not_executed");
  const objects = new Set<string>();
  for (const { input, ending } of operations) {
    const object = model.objectOf(input);
    if (object !== undefined) objects.add(object);
    if (ending.kind === "returned") for (const shown of model.objectsShown(ending.output)) objects.add(shown);
  }
  const initial = new Map([...objects].map((object) => [object, model.initial]));
  return canGoOn(operations, initial, model);
}

function canGoOn<State, Input, Output>(
  left: readonly Operation<Input, Output>[],
  states: ReadonlyMap<string, State>,
  model: Model<State, Input, Output>,
): boolean {
  if (left.every(({ ending }) => ending.kind === "unknown")) return true;
  return left.some((operation) => {
    const { input, ending, called } = operation;
    if (left.some((other) => other.ending.kind === "returned" && other.ending.at.order < called.order)) return false;
    const output = ending.kind === "returned" ? ending.output : undefined;
    const after = new Map(states);
    for (const [object, state] of states) {
      const concerned = model.objectOf(input);
      if (concerned !== undefined && concerned !== object) continue;
      const next = model.step(state, { object, input, output });
      if (next === undefined) return false;
      after.set(object, next);
    }
    return canGoOn(
      left.filter((other) => other !== operation),
      after,
      model,
    );
  });
}
