import { object, optional, text, type Check, type CrossCheck } from "./check.ts";
import type { Constraint } from "./service-spec.ts";

/** What a constraint may speak of, beside `node.labels.NAME` and `engine.labels.NAME`. */
export const CONSTRAINT_KEYS = [
  "node.id",
  "node.hostname",
  "node.role",
  "node.ip",
  "node.platform.os",
  "node.platform.arch",
] as const;

const LABEL_KEYS = ["node.labels.", "engine.labels."] as const;
const KEYS_SAY = `${CONSTRAINT_KEYS.join(", ")}, node.labels.NAME or engine.labels.NAME`;
const OPERATOR = /==|!=/;

/** Longer than any key, operator and value; only spaces can be more. */
const TEXT_MAX = 4_096;

/**
 * Parses Docker's text form, `KEY==VALUE` or `KEY!=VALUE`, spaces around the parts allowed. Keys are known without
 * regard to case, label names are taken as they are. A line that is written otherwise than `formatConstraint` would is
 * kept as `text`. Returns the problem, in one line, when it is no constraint.
 */
export function parseConstraint(line: string): Constraint | { readonly problem: string } {
  const found = OPERATOR.exec(line);
  if (found === null) {
    return { problem: `constraint ${quote(line)} must have the form KEY==VALUE or KEY!=VALUE` };
  }
  const key = canonicalKey(line.slice(0, found.index).trim());
  const value = line.slice(found.index + 2).trim();
  if (key === undefined) return { problem: `constraint ${quote(line)} must begin with ${KEYS_SAY}` };
  if (!VALUE.test(value))
    return { problem: `constraint ${quote(line)} must have a value of 1 to 1024 printable characters` };
  const constraint = { key, operator: found[0] === "==" ? "==" : "!=", value } as const;
  if (line.length > TEXT_MAX) return { problem: `constraint ${quote(line)} must have at most ${TEXT_MAX} characters` };
  return line === plain(constraint) ? constraint : { ...constraint, text: line };
}

/** The text that `parseConstraint` reads back: the user's own where it is known. */
export const formatConstraint = (constraint: Constraint): string => constraint.text ?? plain(constraint);

const plain = ({ key, operator, value }: Constraint): string => `${key}${operator}${value}`;

/** The key as constraints carry it, or undefined when there is no such key. */
function canonicalKey(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (CONSTRAINT_KEYS.some((key) => key === lower)) return lower;
  const prefix = LABEL_KEYS.find((start) => lower.startsWith(start));
  if (prefix === undefined || !LABEL_NAME.test(text.slice(prefix.length))) return undefined;
  return prefix + text.slice(prefix.length);
}

const LABEL_NAME = /^[^\s=!]{1,1024}$/;
/** No space at either end: parsing would take it away. */
const VALUE = /^[^\s\p{C}]([^\r\n\t\p{C}]{0,1022}[^\s\p{C}])?$/u;

const quote = (line: string): string => JSON.stringify(line.length > 128 ? `${line.slice(0, 128)}…` : line);

/** A text that says something else than the rest would show people what isn't so. */
const textFits: CrossCheck<Constraint> = (value, path, report) => {
  if (value.text === undefined) return;
  const parsed = parseConstraint(value.text);
  const fits = !("problem" in parsed) && parsed.text !== undefined && plain(parsed) === plain(value);
  if (!fits) report(`${path}.text`, "must be another way to write the same constraint");
};

export const constraint: Check = object<Constraint>(
  {
    key: (value, path, report) => {
      if (typeof value !== "string" || canonicalKey(value) !== value) report(path, `must be ${KEYS_SAY}`);
    },
    operator: (value, path, report) => {
      if (value !== "==" && value !== "!=") report(path, "must be == or !=");
    },
    value: text({ min: 1, max: 1_024, pattern: VALUE, says: "1 to 1024 printable characters, no space at either end" }),
    text: optional(text({ max: TEXT_MAX })),
  },
  textFits,
);

/** What a spread preference names. As in Docker any text will do; over one that is no label nothing is spread. */
export const spreadKey: Check = text({
  min: 1,
  max: 1_024,
  pattern: VALUE,
  says: "1 to 1024 printable characters, no space at either end",
});

/** Whether nodes can differ in what a spread preference names: it is one of their labels, or their engine's. */
export const isSpreadLabel = (key: string): boolean =>
  canonicalKey(key) === key && LABEL_KEYS.some((label) => key.startsWith(label));
