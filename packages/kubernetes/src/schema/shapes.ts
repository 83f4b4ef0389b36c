import type { ListShape, MapShape, NumberShape, ObjectShape, Shape, TextShape } from "@murmur/compose";

import { parseQuantity } from "../quantity.ts";

/*
 * What stands where in Kubernetes' API objects, by its definition (core/v1 and apps/v1): every field that it has, so that
 * one that it hasn't is a mistake. What is never mapped is `any`.
 */

export const any: Shape = { kind: "any" };
export const text: TextShape = { kind: "text", nullable: true };
export const flag: Shape = { kind: "flag" };
export const count: NumberShape = { kind: "number", whole: true, min: 0 };
export const port: NumberShape = { kind: "number", whole: true, min: 1, max: 65_535 };
/** Bits of a file's permissions; `0644` is octal, as in YAML 1.1. */
export const mode: NumberShape = { kind: "number", whole: true, min: 0, max: 0o777 };

export const quantity: TextShape = {
  kind: "text",
  loose: true,
  check: (given) =>
    parseQuantity(given) === undefined
      ? `a quantity is expected, as in "100m", "0.5" or "128Mi", not ${JSON.stringify(given.slice(0, 80))}`
      : undefined,
};

export const intOrText: TextShape = { kind: "text", loose: true };

export function oneOf(...names: readonly string[]): TextShape {
  return {
    kind: "text",
    nullable: true,
    check: (given) =>
      names.includes(given) ? undefined : `${names.join(", ")} are allowed, not ${JSON.stringify(given.slice(0, 80))}`,
  };
}

export function object(fields: Readonly<Record<string, Shape>>, required: readonly string[] = []): ObjectShape {
  return { kind: "object", fields, required, nullable: true, closed: true };
}

/** Of an empty item nobody could say what it leaves out. */
export function listOf(items: Shape): ListShape {
  const whole = "nullable" in items ? { ...items, nullable: false } : items;
  return { kind: "list", items: whole, merge: "append", nullable: true };
}

export function mapOf(values: Shape): MapShape {
  return { kind: "map", values, nullable: true };
}

/** `names` of fields whose values are never looked at. */
export function anyOf(...names: readonly string[]): Readonly<Record<string, Shape>> {
  return Object.fromEntries(names.map((name) => [name, any]));
}
