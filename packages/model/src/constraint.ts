import { object, text, type Check } from "./check.ts";
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

/**
 * Parses Docker's text form, `KEY==VALUE` or `KEY!=VALUE`, spaces around the parts allowed. Keys are known without
 * regard to case, label names are taken as they are. Returns the problem, in one line, when it is no constraint.
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
  return { key, operator: found[0] === "==" ? "==" : "!=", value };
}

/** The text form that `parseConstraint` reads back. */
export function formatConstraint(constraint: Constraint): string {
  return `${constraint.key}${constraint.operator}${constraint.value}`;
}

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

export const constraint: Check = object<Constraint>({
  key: (value, path, report) => {
    if (typeof value !== "string" || canonicalKey(value) !== value) report(path, `must be ${KEYS_SAY}`);
  },
  operator: (value, path, report) => {
    if (value !== "==" && value !== "!=") report(path, "must be == or !=");
  },
  value: text({ min: 1, max: 1_024, pattern: VALUE, says: "1 to 1024 printable characters, no space at either end" }),
});

/** What a spread preference may name. */
export const spreadKey: Check = (value, path, report) => {
  const known =
    typeof value === "string" && canonicalKey(value) === value && LABEL_KEYS.some((key) => value.startsWith(key));
  if (!known) report(path, "must be node.labels.NAME or engine.labels.NAME");
};
