/** Like `T`, but what is optional may also be given as undefined. */
export type Loose<T> = { [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] };

/** A copy without the fields that are undefined: in specs and in JSON, left out and undefined are the same. */
export function compact<T extends object>(value: Loose<T>): T {
  const copy: Record<string, unknown> = {};
  for (const key in value) if (value[key] !== undefined) copy[key] = value[key];
  // Only what T allows to be missing can have been undefined: Loose says so.
  return copy as T;
}
