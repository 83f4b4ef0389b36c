import type { Operation } from "./history.ts";
import type { Model } from "./model.ts";

/** Operations that are shown before those that can't be placed. */
const BEFORE_MAX = 8;
/** Operations that are shown at the most. */
const SHOWN_MAX = 24;
/** Characters of the line of time. */
const LINE_LENGTH = 32;

export interface Unexplained<State, Input, Output> {
  readonly kind: "violation" | "undecided";
  readonly history: readonly Operation<Input, Output>[];
  readonly model: Model<State, Input, Output>;
  /** Undefined: all of them. */
  readonly object: string | undefined;
  readonly prefix: readonly Operation<Input, Output>[];
  readonly stuck: readonly Operation<Input, Output>[];
  readonly states: readonly string[];
}

/**
 * A failed check in some 30 lines: what can't come next and why, and what happened around it. `>` marks what can't be
 * placed, `?` what was never answered, `x` what by its error was not executed.
 */
export function explain<State, Input, Output>(failure: Unexplained<State, Input, Output>): string {
  const { kind, model, object, prefix, stuck, states } = failure;
  const where = object === undefined ? "all objects together" : object;
  const title = kind === "violation" ? "not linearizable" : "undecided: the search has used up its steps";
  const shown = windowOf(failure);
  return [
    `${title}: ${where}`,
    `after ${String(prefix.length)} operations that have an order, the state is: ${states.join("; ") || "-"}`,
    "next must be one of these, and none can:",
    ...stuck.slice(0, SHOWN_MAX).map((operation) => `  ${line(model, operation)}`),
    "around them:",
    ...timeline(model, shown, stuck),
  ].join("\n");
}

/** The operations on the object that end the prefix or overlap with what can't be placed, by calls. */
function windowOf<State, Input, Output>(
  failure: Unexplained<State, Input, Output>,
): readonly Operation<Input, Output>[] {
  const { history, model, object, prefix, stuck } = failure;
  const objects = new Set(stuck.map((operation) => model.objectOf(operation.input)));
  const concerns = ({ input }: Operation<Input, Output>): boolean => {
    const of = model.objectOf(input);
    return of === undefined || of === object || (object === undefined && (objects.has(undefined) || objects.has(of)));
  };
  const from = Math.min(...stuck.map((operation) => operation.called.order));
  const until = Math.max(...stuck.map((operation) => endOf(operation) ?? 0));
  const before = prefix.filter((operation) => concerns(operation) && !isRead(model, operation)).slice(-BEFORE_MAX);
  const overlapping = history.filter(
    (operation) =>
      concerns(operation) &&
      operation.called.order < until &&
      (operation.ending.kind === "unknown" || (endOf(operation) ?? Infinity) > from),
  );
  const nearest = overlapping.slice(-(SHOWN_MAX - before.length - stuck.length));
  return [...new Set([...before, ...nearest, ...stuck])].sort((left, right) => left.called.order - right.called.order);
}

function isRead<State, Input, Output>(
  model: Model<State, Input, Output>,
  operation: Operation<Input, Output>,
): boolean {
  const { input, ending } = operation;
  return model.isReadOnly(input, ending.kind === "returned" ? ending.output : undefined);
}

/** When a client was answered; undefined for what may take effect for ever. */
const endOf = <Input, Output>({ ending }: Operation<Input, Output>): number | undefined =>
  ending.kind === "unknown" ? undefined : ending.at.order;

function line<State, Input, Output>(model: Model<State, Input, Output>, operation: Operation<Input, Output>): string {
  const { number, client, input, called, ending } = operation;
  const answered = ending.kind === "unknown" && ending.at === undefined ? "…" : `${String(ending.at?.atMs)} ms`;
  const what = model.describe(input, ending.kind === "returned" ? ending.output : undefined);
  const error = ending.kind === "returned" || ending.code === undefined ? "" : ` ${ending.code}`;
  return `#${String(number)} ${client} [${String(called.atMs)} ms, ${answered}] ${what}${error}`;
}

/** One operation a line, from its call to its end, on a scale of the recorder's order. */
function timeline<State, Input, Output>(
  model: Model<State, Input, Output>,
  shown: readonly Operation<Input, Output>[],
  stuck: readonly Operation<Input, Output>[],
): readonly string[] {
  const moments = [...new Set(shown.flatMap((one) => [one.called.order, endOf(one) ?? one.called.order]))];
  moments.sort((left, right) => left - right);
  const column = (order: number): number =>
    Math.round((moments.indexOf(order) * (LINE_LENGTH - 1)) / Math.max(1, moments.length - 1));
  return shown.map((operation) => {
    const { called, ending } = operation;
    const from = column(called.order);
    const end = endOf(operation);
    const until = end === undefined ? LINE_LENGTH - 1 : Math.max(from, column(end));
    const last = ending.kind === "unknown" ? "?" : ending.kind === "not_executed" ? "x" : "|";
    const bar = `${" ".repeat(from)}|${"-".repeat(Math.max(0, until - from - 1))}${until > from ? last : ""}`;
    return `${stuck.includes(operation) ? ">" : " "} ${bar.padEnd(LINE_LENGTH)} ${line(model, operation)}`;
  });
}
