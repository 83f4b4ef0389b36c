import { ClusterError } from "@murmur/base";
import { z } from "zod";

/*
 * Docker's daemon is written in Go, and clients lean on how Go reads JSON: names fit in any case, null is the same as
 * leaving a field out. Both hold here. What Go does silently, dropping fields that it doesn't know, is not done: who
 * asks for something gets it or an error that names the field.
 */

type Fields = Record<string, unknown>;

export interface ObjectOptions {
  /**
   * At the top of a body, clients leak options of their own (`version`, `skip_validation`). Docker's fields start with
   * a capital letter, so such a name can't be meant as one: it is passed over, as Docker does.
   */
  readonly passOverLowerCase?: boolean;
}

/** An object with these fields and no others, except empty ones. */
export function dockerObject<S extends z.ZodRawShape>(shape: S, options: ObjectOptions = {}) {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  const fit = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const fitted: Fields = {};
    for (const [key, field] of Object.entries(value)) {
      const name = names.get(key.toLowerCase());
      if (field === null || (name === undefined && isEmpty(field))) continue;
      if (name === undefined && options.passOverLowerCase === true && /^[^A-Z]/.test(key)) continue;
      fitted[name ?? key] = field;
    }
    return fitted;
  };
  return z.preprocess(fit, z.strictObject(shape));
}

/** A field of Docker's that Murmur can't honour: it may be there as long as it says nothing. */
export function unsupported(why = "Murmur doesn't support this; leave it out", alsoEmpty: readonly unknown[] = []) {
  const saysNothing = (value: unknown): boolean => isEmpty(value) || alsoEmpty.includes(value);
  return z.unknown().refine(saysNothing, why).optional();
}

/** Whether a JSON value means nothing: null, "", 0, false, and lists and objects of nothing else. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.values(value).every(isEmpty);
}

/** Parses a body. Errors: `invalid_argument` with the first problems, each with the path of its field. */
export function parseWith<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ClusterError("invalid_argument", describeIssues(result.error.issues));
}

const ISSUES_MAX = 3;
/** Of a field's name in a message: a label may be called anything. */
const NAME_CHARACTERS_MAX = 100;

function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const lines = issues.flatMap((issue) => {
    const path = issue.path.map((part) => shortened(String(part)));
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map(
        (key) => `${[...path, shortened(key)].join(".")}: Murmur doesn't know this field; leave it out`,
      );
    }
    return [`${path.length === 0 ? "the body" : path.join(".")}: ${issue.message}`];
  });
  const more = lines.length > ISSUES_MAX ? `; and ${String(lines.length - ISSUES_MAX)} more` : "";
  return lines.slice(0, ISSUES_MAX).join("; ") + more;
}

const shortened = (name: string): string =>
  name.length > NAME_CHARACTERS_MAX ? `${name.slice(0, NAME_CHARACTERS_MAX)}…` : name;
