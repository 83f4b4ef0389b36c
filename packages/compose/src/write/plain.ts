/** What a file is written from. Mappings whose keys are a user's are `Map`s: an object can't hold every key. */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainMap | PlainObject;
export type PlainMap = ReadonlyMap<string, Plain>;
export interface PlainObject {
  readonly [field: string]: Plain | undefined;
}

/** Nothing for what has no entries: a reader takes both for the same. */
export function filled<T extends readonly Plain[] | PlainMap>(entries: T): T | undefined {
  const count = "size" in entries ? entries.size : entries.length;
  return count === 0 ? undefined : entries;
}

/** The value made of what is there. */
export function made<T, R>(value: T | undefined, make: (value: T) => R): R | undefined {
  return value === undefined ? undefined : make(value);
}

export function eachOf<T>(entries: ReadonlyMap<string, T>, make: (value: T, key: string) => Plain): PlainMap {
  return new Map([...entries].map(([key, value]) => [key, make(value, key)]));
}
