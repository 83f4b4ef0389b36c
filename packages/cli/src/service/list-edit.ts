import { invalid } from "../argument-error.ts";
import { parseAssignments } from "../units/assignment.ts";

/** Adds what isn't there yet, in its order. */
export const withAdded = (list: readonly string[] | undefined, texts: readonly string[]): string[] => [
  ...new Set([...(list ?? []), ...texts]),
];

export const without = (list: readonly string[] | undefined, texts: readonly string[]): string[] =>
  (list ?? []).filter((text) => !texts.includes(text));

/** Replaces entries by their key and appends new ones. */
export function replacedByKey<T>(
  list: readonly T[] | undefined,
  added: readonly T[],
  keyOf: (entry: T) => string,
): T[] {
  const entries = new Map((list ?? []).map((entry) => [keyOf(entry), entry]));
  for (const entry of added) entries.set(keyOf(entry), entry);
  return [...entries.values()];
}

/** What one command line gives, as it is. Errors: `invalid_argument` for two of one key: which of them is meant, nobody knows. */
export function distinct<T>(given: readonly T[], keyOf: (entry: T) => string): readonly T[] {
  const keys = given.map(keyOf);
  const doubled = keys.find((key, at) => keys.indexOf(key) < at);
  if (doubled !== undefined) throw invalid(`${doubled} is given twice`);
  return given;
}

export const withAssignments = (
  map: Readonly<Record<string, string>> | undefined,
  texts: readonly string[],
): Record<string, string> => ({ ...map, ...parseAssignments(texts) });

export const withoutKeys = (
  map: Readonly<Record<string, string>> | undefined,
  keys: readonly string[],
): Record<string, string> => Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !keys.includes(key)));
