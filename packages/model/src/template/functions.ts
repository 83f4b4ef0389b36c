import { formatText } from "./printf.ts";
import { isMap, isTrue, kindOf, textOf, type Value } from "./value.ts";

/** Only in the contents of secrets and configs. */
const CONTENT_FUNCTIONS = ["env", "secret", "config"] as const;
export type ContentFunction = (typeof CONTENT_FUNCTIONS)[number];

export const isContentFunction = (name: string): name is ContentFunction =>
  CONTENT_FUNCTIONS.some((known) => known === name);

/** A value, or what is wrong in one line. */
export type Outcome = { readonly value: Value } | { readonly problem: string };
type Builtin = (args: readonly Value[]) => Outcome;

const of = (value: Value): Outcome => ({ value });
const wrong = (problem: string): Outcome => ({ problem });

/**
 * Those of Go's text/template, and SwarmKit's `join`, whose first text goes between the others. `and` and `or` are computed
 * where they are met: they leave out what isn't needed.
 */
const BUILTINS: Readonly<Record<string, Builtin>> = {
  eq: ([first, ...others]) => {
    if (first === undefined || others.length === 0) return wrong("takes two values or more");
    for (const other of others) if (typeof other !== typeof first) return wrong(cannotCompare(first, other));
    if (typeof first === "object") return wrong("doesn't compare maps");
    return of(others.includes(first));
  },
  ne: (args) => compared(args, (order) => order !== 0),
  lt: (args) => compared(args, (order) => order < 0),
  le: (args) => compared(args, (order) => order <= 0),
  gt: (args) => compared(args, (order) => order > 0),
  ge: (args) => compared(args, (order) => order >= 0),
  not: ([value, ...more]) => (value === undefined || more.length > 0 ? wrong("takes one value") : of(!isTrue(value))),
  len: ([value, ...more]) => {
    if (value === undefined || more.length > 0) return wrong("takes one value");
    if (typeof value === "string") return of(bytesIn(value));
    return isMap(value) ? of(value.size) : wrong(`is of a text or a map, not of ${kindOf(value)}`);
  },
  index: ([map, key, ...more]) => {
    if (map === undefined || key === undefined || more.length > 0) return wrong("takes a map and a key");
    if (!isMap(map)) return wrong(`looks into a map, not into ${kindOf(map)}`);
    // As with Go: what isn't there is empty.
    return typeof key === "string" ? of(map.get(key) ?? "") : wrong(`takes a text as key, not ${kindOf(key)}`);
  },
  slice: ([text, from = 0, to, ...more]) => {
    if (typeof text !== "string" || more.length > 0) return wrong("takes a text, and one or two numbers");
    const end = to ?? text.length;
    if (typeof from !== "number" || typeof end !== "number") return wrong("takes numbers after the text");
    if (from < 0 || end < from || end > text.length) return wrong("goes beyond the text");
    return of(text.slice(from, end));
  },
  join: (args) => {
    const texts = args.filter((value) => typeof value === "string");
    if (texts.length === 0 || texts.length < args.length)
      return wrong("takes texts: first what goes between the others");
    return of(texts.slice(1).join(texts[0]));
  },
  print: (args) => printed(args, { isLine: false }),
  println: (args) => printed(args, { isLine: true }),
  printf: ([format, ...args]) => {
    if (typeof format !== "string") return wrong("takes a text first, such as %s");
    const formatted = formatText(format, args);
    return "problem" in formatted ? formatted : of(formatted.text);
  },
  html: (args) => escaped(args, (text) => text.replaceAll(/["'&<>\0]/g, (found) => HTML[found] ?? found)),
  urlquery: (args) => escaped(args, queryEscape),
};

export const isFunction = (name: string): boolean =>
  name === "and" || name === "or" || Object.hasOwn(BUILTINS, name) || isContentFunction(name);

/** Calls one of Go's functions. */
export function callBuiltin(name: string, args: readonly Value[]): Outcome {
  const builtin = Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
  if (builtin === undefined) return wrong("is no function");
  return builtin(args);
}

const cannotCompare = (a: Value, b: Value): string =>
  `doesn't compare ${kindOf(a)} with ${kindOf(b)}${[a, b].some((value) => typeof value === "number") ? ': put "" around the number' : ""}`;

function compared([a, b, ...more]: readonly Value[], holds: (order: number) => boolean): Outcome {
  if (a === undefined || b === undefined || more.length > 0) return wrong("takes two values");
  if (typeof a !== typeof b) return wrong(cannotCompare(a, b));
  if (typeof a === "object") return wrong("doesn't compare maps");
  return of(holds(a === b ? 0 : a < b ? -1 : 1));
}

/** As Go: a space between two that are both no texts; `println` has one between all. */
function printed(args: readonly Value[], { isLine }: { readonly isLine: boolean }): Outcome {
  let text = "";
  for (const [at, value] of args.entries()) {
    const next = textOf(value);
    if (next === undefined) return wrong("takes no value that has fields: name one of them");
    const needsSpace = isLine || (typeof value !== "string" && typeof args[at - 1] !== "string");
    text += (at > 0 && needsSpace ? " " : "") + next;
  }
  return of(isLine ? `${text}\n` : text);
}

function escaped(args: readonly Value[], escape: (text: string) => string): Outcome {
  const whole = printed(args, { isLine: false });
  return "value" in whole && typeof whole.value === "string" ? of(escape(whole.value)) : whole;
}

const HTML: Readonly<Record<string, string>> = {
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\0": "\uFFFD",
};

const queryEscape = (text: string): string =>
  encodeURIComponent(text.toWellFormed())
    .replaceAll("%20", "+")
    .replaceAll(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);

/** Bytes in UTF-8, which is what Go counts. */
function bytesIn(text: string): number {
  let count = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    count += code < 0x80 ? 1 : code < 0x8_00 ? 2 : code < 0x1_00_00 ? 3 : 4;
  }
  return count;
}
