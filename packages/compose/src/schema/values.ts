import { didYouMean } from "../nearest-name.ts";
import { shown } from "../problem.ts";
import { parseBytes, parseCpus, parseDuration } from "../quantity.ts";
import type { FlagShape, NumberShape, Shape, TextShape } from "./shape.ts";

/** Shapes of single values. */

export const text: TextShape = { kind: "text" };
export const flag: FlagShape = { kind: "flag" };
export const path: TextShape = {
  kind: "text",
  path: true,
  check: (given) => (given === "" ? "a path is expected" : undefined),
};
export const whole: NumberShape = { kind: "number", whole: true };
export const count: NumberShape = { kind: "number", whole: true, min: 0 };
export const any: Shape = { kind: "any" };

/** A value that may be a number as well as text. */
export const loose: TextShape = { kind: "text", loose: true };

export const duration: TextShape = {
  kind: "text",
  check: (given) =>
    parseDuration(given) === undefined
      ? `a duration is expected, as in "1m30s", "500ms" or "2h", not ${shown(given)}`
      : undefined,
};

export const bytes: TextShape = {
  kind: "text",
  loose: true,
  check: (given) =>
    parseBytes(given) === undefined
      ? `a size is expected, as in "64M", "1gb" or "512kb", not ${shown(given)}`
      : undefined,
};

/** -1: as much as there is. */
export const bytesOrAll: TextShape = {
  ...bytes,
  check: (given) => (given === "-1" ? undefined : bytes.check?.(given)),
};

export const cpus: TextShape = {
  kind: "text",
  loose: true,
  check: (given) =>
    parseCpus(given) === undefined
      ? `a number of CPUs is expected, as in "0.5" or "2", not ${shown(given)}`
      : undefined,
};

export function oneOf(...names: readonly string[]): TextShape {
  return {
    kind: "text",
    check: (given) =>
      names.includes(given)
        ? undefined
        : `${names.join(", ")} are allowed, not ${shown(given)}${didYouMean(given, names)}`,
  };
}
