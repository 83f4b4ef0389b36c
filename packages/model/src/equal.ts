import { isPlainObject } from "./check.ts";

/**
 * Whether two plain values are the same. A field that is undefined counts as left out; the order of keys is nothing.
 * Values are as deep as commands may be, so the recursion is bounded.
 */
export function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, at) => equal(item, right[at]));
  }
  if (!isPlainObject(left) || !isPlainObject(right)) return false;
  // Each replica compares for each write: lists of the keys were a good part of what a write leaves to the collector.
  for (const key in left) if (!equal(left[key], own(right, key))) return false;
  for (const key in right) if (right[key] !== undefined && own(left, key) === undefined) return false;
  return true;
}

const own = (value: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined;
