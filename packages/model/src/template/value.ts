/** What templates compute with. `Fields` is one of Go's structs: it is no text itself. */
export type Value = string | number | boolean | ReadonlyMap<string, string> | Fields;

/** What a field is that nobody knows yet: asking for it is an error. */
export const UNKNOWN: unique symbol = Symbol("not known yet");

export interface Fields {
  readonly fields: Readonly<Record<string, Value | typeof UNKNOWN>>;
}

export const isMap = (value: Value): value is ReadonlyMap<string, string> => value instanceof Map;
export const isFields = (value: Value): value is Fields => typeof value === "object" && !isMap(value);

/** As Go: what is empty is false. */
export function isTrue(value: Value): boolean {
  if (typeof value === "string") return value !== "";
  if (typeof value === "number") return value !== 0;
  if (typeof value === "boolean") return value;
  return isMap(value) ? value.size > 0 : true;
}

/** What kind of value it is, for people. */
export function kindOf(value: Value): string {
  if (typeof value === "string") return "a text";
  if (typeof value === "number") return "a number";
  if (typeof value === "boolean") return "true or false";
  return isMap(value) ? "a map" : "no single value";
}

/** As Go prints it; undefined for what should be no text. */
export function textOf(value: Value): string | undefined {
  if (isFields(value)) return undefined;
  if (!isMap(value)) return String(value);
  const entries = [...value].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, text]) => `${key}:${text}`).join(" ")}]`;
}
