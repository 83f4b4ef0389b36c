import { assert } from "@murmur/base";
import { explain } from "./explain.ts";
import type { Operation } from "./history.ts";
import type { Model } from "./model.ts";
import { search, type RankOf, type SearchResult } from "./search.ts";

/** Configurations that are looked at before a check gives up; each takes some microseconds and some hundred bytes. */
const STEPS_MAX = 500_000;

export interface LinearizabilityOptions<State, Input, Output> {
  readonly model: Model<State, Input, Output>;
  /** The most configurations of the search, all objects together. Default: 500,000. */
  readonly stepsMax?: number;
  readonly rankOf?: RankOf<Input, Output>;
}

export type Verdict<Input, Output> =
  | { readonly kind: "ok"; readonly steps: number }
  | (Failure<Input, Output> & { readonly kind: "violation" | "undecided" });

/** Why no order was found. `undecided`: the steps were used up, and this is how far the search had come. */
export interface Failure<Input, Output> {
  /** The object that the history contradicts itself on; undefined: each is right, but not all of them at one moment. */
  readonly object: string | undefined;
  /** The longest beginning that has an order. */
  readonly prefix: readonly Operation<Input, Output>[];
  /** What had to come next and can't. */
  readonly stuck: readonly Operation<Input, Output>[];
  /** For people: the state after `prefix`, what can't follow, and the operations around it on a line of time. */
  readonly explanation: string;
  readonly steps: number;
}

/**
 * Whether there is an order of the operations that each client could have seen: one that the model accepts and that
 * keeps real time (Herlihy & Wing, Linearizability, 1990).
 *
 * A history is linearizable if its parts by object are (their locality theorem; P-compositionality in Horn & Kroening,
 * Faster Linearizability Checking via P-Compositionality, 2015), so each object is searched by itself, reads of all
 * objects being reads of that one. That is necessary, quick, and gives short explanations. If there are reads of all
 * objects it is not sufficient: they have to be of one moment. Then all objects are searched together as well.
 */
export function checkLinearizable<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  { model, stepsMax = STEPS_MAX, rankOf }: LinearizabilityOptions<State, Input, Output>,
): Verdict<Input, Output> {
  assert(stepsMax > 0, "a search takes a step at least");
  const { parts, readsOfAll } = partition(history, model);
  const objects = [...parts.keys()].toSorted();
  const ranked = rankOf && { rankOf };
  let steps = 0;
  let undecided: Verdict<Input, Output> | undefined;
  for (const object of objects) {
    const operations = merged(parts.get(object) ?? [], readsOfAll);
    const result = search({ model, objects: [object], operations, stepsMax: Math.max(1, stepsMax - steps), ...ranked });
    steps += result.steps;
    if (result.kind === "violation") return failed({ history, model, result, object, steps });
    if (result.kind === "undecided") undecided ??= failed({ history, model, result, object, steps });
  }
  if (undecided !== undefined) return undecided;
  if (objects.length < 2 || readsOfAll.length === 0) return { kind: "ok", steps };
  const result = search({ model, objects, operations: history, stepsMax: Math.max(1, stepsMax - steps), ...ranked });
  steps += result.steps;
  return result.kind === "ok" ? { kind: "ok", steps } : failed({ history, model, result, object: undefined, steps });
}

interface Partition<Input, Output> {
  readonly parts: ReadonlyMap<string, readonly Operation<Input, Output>[]>;
  readonly readsOfAll: readonly Operation<Input, Output>[];
}

function partition<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): Partition<Input, Output> {
  const parts = new Map<string, Operation<Input, Output>[]>();
  const readsOfAll: Operation<Input, Output>[] = [];
  const partOf = (object: string): Operation<Input, Output>[] => {
    const part = parts.get(object) ?? [];
    parts.set(object, part);
    return part;
  };
  for (const operation of history) {
    const { input, ending } = operation;
    const object = model.objectOf(input);
    if (object !== undefined) partOf(object).push(operation);
    else if (ending.kind === "returned") {
      readsOfAll.push(operation);
      for (const shown of model.objectsShown(ending.output)) partOf(shown);
    }
  }
  return { parts, readsOfAll };
}

/** Two lists in the order of calls, as one. */
function merged<Input, Output>(
  left: readonly Operation<Input, Output>[],
  right: readonly Operation<Input, Output>[],
): readonly Operation<Input, Output>[] {
  return right.length === 0 ? left : [...left, ...right].sort((one, other) => one.called.order - other.called.order);
}

interface Failing<State, Input, Output> {
  readonly history: readonly Operation<Input, Output>[];
  readonly model: Model<State, Input, Output>;
  readonly result: SearchResult<Input, Output>;
  readonly object: string | undefined;
  readonly steps: number;
}

function failed<State, Input, Output>({
  history,
  model,
  result,
  object,
  steps,
}: Failing<State, Input, Output>): Verdict<Input, Output> {
  assert(result.kind !== "ok", "only what failed is explained");
  const { order: prefix, stuck, states } = result;
  const explanation = explain({ kind: result.kind, history, model, object, prefix, stuck, states });
  return { kind: result.kind, object, prefix, stuck, explanation, steps };
}
