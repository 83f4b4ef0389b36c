import { LIMITS } from "./limits.ts";

/** Takes one problem: where it is (`task.container.mounts[1].target`) and what is allowed there. */
type Report = (path: string, problem: string) => void;

/** One rule about a value of unknown type. It reports every problem that it finds and throws nothing. */
export type Check = (value: unknown, path: string, report: Report) => void;

/** A rule that looks at several fields; run only when each field for itself is right. */
export type CrossCheck<T> = (value: T, path: string, report: Report) => void;

/** A rule for each field of `T`: the compiler asks for one when a field is added. */
export type Rules<T> = { readonly [K in keyof T]-?: Check };

/** Marks a field that may be left out. */
export const optional =
  (check: Check): Check =>
  (value, path, report) => {
    if (value !== undefined) check(value, path, report);
  };

export const boolean: Check = (value, path, report) => {
  if (typeof value !== "boolean") report(path, "must be true or false");
};

/** Any value at all; for what is checked elsewhere. */
export const anything: Check = () => {};

export const oneOf =
  (values: readonly (string | number)[]): Check =>
  (value, path, report) => {
    const isAllowed = (typeof value === "string" || typeof value === "number") && values.includes(value);
    if (!isAllowed) report(path, `must be one of ${values.join(", ")}`);
  };

/** A whole number from `min` to `max`, both allowed. */
export const integer =
  (min: number, max: number): Check =>
  (value, path, report) => {
    const fits = typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
    if (!fits) report(path, `must be a whole number from ${min} to ${max}`);
  };

/** A finite number from `min` to `max`, both allowed. */
export const number =
  (min: number, max: number): Check =>
  (value, path, report) => {
    const fits = typeof value === "number" && value >= min && value <= max;
    if (!fits) report(path, `must be a number from ${min} to ${max}`);
  };

export interface TextRule {
  readonly max: number;
  readonly min?: number;
  readonly pattern?: RegExp;
  /** What is allowed, said after "must be". Needed with a pattern. */
  readonly says?: string;
}

/** A text within a length (in UTF-16 units) and a pattern. NUL is never allowed: no engine, kernel or path takes it. */
export const text =
  (rule: TextRule): Check =>
  (value, path, report) => {
    const min = rule.min ?? 0;
    const fits =
      typeof value === "string" &&
      value.length >= min &&
      value.length <= rule.max &&
      !value.includes("\0") &&
      rule.pattern?.test(value) !== false;
    if (!fits) report(path, `must be ${rule.says ?? `a text of ${min} to ${rule.max} characters`}`);
  };

export const list =
  (check: Check, max: number = LIMITS.entries): Check =>
  (value, path, report) => {
    if (!Array.isArray(value) || value.length > max) return report(path, `must be a list of at most ${max} entries`);
    for (let at = 0; at < value.length; at += 1) check(value[at], entryOf(path, at), report);
  };

/** An object that maps texts to values. */
export const map =
  (key: Check, entry: Check): Check =>
  (value, path, report) => {
    if (!isPlainObject(value)) return report(path, "must be an object");
    const keys = Object.keys(value);
    if (keys.length > LIMITS.entries) return report(path, `must have at most ${LIMITS.entries} entries`);
    for (const name of keys) {
      key(name, keyOf(path, name), report);
      entry(value[name], join(path, name.slice(0, 64)), report);
    }
  };

/** An object with exactly these fields; `across` is run when all of them are right. */
export function object<T>(rules: Rules<T>, ...across: readonly CrossCheck<T>[]): Check {
  const fields = Object.entries<Check>(rules).map(([key, check]) => ({ key, check, needed: !takesNothing(check) }));
  const known = new Map(fields.map((field) => [field.key, field]));
  const needed = fields.filter((field) => field.needed).length;
  const checkFields = (value: Readonly<Record<string, unknown>>, path: string, report: Report): void => {
    let missing = needed;
    // Plain data inherits nothing, so these are its own keys. What is absent and needn't be there isn't looked for.
    for (const key in value) {
      const field = known.get(key);
      if (field === undefined) report(join(path, key.slice(0, 64)), "is no known field");
      else field.check(value[key], join(path, key), report);
      if (field?.needed === true) missing -= 1;
    }
    if (missing === 0) return;
    const keys = Object.keys(value);
    for (const { key, check } of fields) if (!keys.includes(key)) check(value[key], join(path, key), report);
  };
  if (across.length === 0) {
    return (value, path, report) => {
      if (isPlainObject(value)) checkFields(value, path, report);
      else report(path, "must be an object");
    };
  }
  return (value, path, report) => {
    if (!isPlainObject(value)) return report(path, "must be an object");
    let problems = 0;
    checkFields(value, path, (where, problem) => {
      problems += 1;
      report(where, problem);
    });
    if (problems > 0) return;
    // The rules above have just established the type.
    for (const cross of across) cross(value as T, path, report);
  };
}

/** Whether a field with this rule may be left out. */
function takesNothing(check: Check): boolean {
  let right = true;
  check(undefined, NOWHERE, () => (right = false));
  return right;
}

/** An object whose field `kind` chooses the rules. */
export function byKind(kinds: Readonly<Record<string, Check>>): Check {
  const checks = new Map(Object.entries(kinds));
  return (value, path, report) => {
    const kind = isPlainObject(value) ? value["kind"] : undefined;
    const check = typeof kind === "string" ? checks.get(kind) : undefined;
    if (check === undefined) report(join(path, "kind"), `must be one of ${Object.keys(kinds).join(", ")}`);
    else check(value, path, report);
  };
}

/** All problems of a value, one line each: `field: what is allowed`. Empty when there is none. */
export function problemsOf(check: Check, value: unknown, bytesMax: number): readonly string[] {
  const unfit = unfitness(value, bytesMax);
  if (unfit !== undefined) return [unfit];
  let right = true;
  check(value, NOWHERE, () => (right = false));
  if (right) return [];
  const problems: string[] = [];
  let more = 0;
  check(value, "", (path, problem) => {
    if (problems.length < LIMITS.problems) problems.push(singleLine(path === "" ? problem : `${path}: ${problem}`));
    else more += 1;
  });
  if (more > 0) problems.push(`and ${more} more`);
  return problems;
}

/**
 * Whether a value is plain data: finite numbers, texts, lists and objects, neither too deep nor too big. Everything
 * that walks a value later (comparing, hashing, encoding) relies on it. Returns what is wrong.
 */
export function unfitness(value: unknown, bytesMax: number): string | undefined {
  return unfitPart(value, 0, { bytesMax, bytes: 0 });
}

/** How much of a value was walked. */
interface Walked {
  readonly bytesMax: number;
  bytes: number;
}

function unfitPart(part: unknown, depth: number, walked: Walked): string | undefined {
  if (depth > LIMITS.depth) return `nested deeper than ${LIMITS.depth} levels`;
  walked.bytes += typeof part === "string" ? part.length + 2 : 4;
  if (walked.bytes > walked.bytesMax) return `larger than ${walked.bytesMax} bytes`;
  if (typeof part === "number") return Number.isFinite(part) ? undefined : "has a number that is not finite";
  if (typeof part === "object") return unfitObject(part, depth, walked);
  const isData = typeof part === "string" || typeof part === "boolean" || part === undefined;
  return isData ? undefined : `has a ${typeof part}`;
}

function unfitObject(part: object | null, depth: number, walked: Walked): string | undefined {
  if (part === null) return "has a null";
  if (Array.isArray(part)) {
    for (let at = 0; at < part.length; at += 1) {
      const unfit = part[at] === undefined ? "has a list with a hole" : unfitPart(part[at], depth + 1, walked);
      if (unfit !== undefined) return unfit;
    }
    return undefined;
  }
  if (!isPlainObject(part)) return "has an object that is not plain data";
  for (const key in part) {
    walked.bytes += key.length + 3;
    const unfit = unfitPart(part[key], depth + 1, walked);
    if (unfit !== undefined) return unfit;
  }
  return undefined;
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The path while it is only asked whether there is any problem: every path below is this one too. Values are checked on
 * every replica with every command, nearly all of them are right, and naming each of their fields would cost the most.
 */
const NOWHERE = "\0";

function join(path: string, key: string): string {
  if (path === NOWHERE) return path;
  return path === "" ? key : `${path}.${key}`;
}

const entryOf = (path: string, at: number): string => (path === NOWHERE ? path : `${path}[${at}]`);

const keyOf = (path: string, name: string): string =>
  path === NOWHERE ? path : `${path} key ${JSON.stringify(name.slice(0, 64))}`;

const BREAKS = /[\p{Cc}\u2028\u2029]+/gu;

/** A text in one line of at most `LIMITS.messageLength` characters: what comes from engines may hold anything. */
export function singleLine(text: string): string {
  const clipped = text.length > LIMITS.messageLength ? `${text.slice(0, LIMITS.messageLength - 1)}…` : text;
  return clipped.search(BREAKS) < 0 ? clipped : clipped.replaceAll(BREAKS, " ");
}
