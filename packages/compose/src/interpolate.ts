import { INTERPOLATION_DEPTH_MAX, VALUE_LENGTH_MAX, VALUES_LENGTH_MAX } from "./limits.ts";

/** What variables are, and what is told of those that aren't set. One for a whole application. */
export interface Variables {
  readonly get: (name: string) => string | undefined;
  /** Called for each use of a variable that isn't set and has no default. */
  readonly unset: (name: string) => void;
  readonly budget: Budget;
}

/** Characters that may still come out of interpolation: a text can name a long variable many thousand times. */
export class Budget {
  #left = VALUES_LENGTH_MAX;

  /** Undefined, or why this is too much. */
  spend(length: number): string | undefined {
    this.#left -= length;
    if (length > VALUE_LENGTH_MAX)
      return `the value has more than ${VALUE_LENGTH_MAX} characters with its variables put in`;
    if (this.#left < 0)
      return `all values together have more than ${VALUES_LENGTH_MAX} characters with their variables put in`;
    return undefined;
  }
}

export type Interpolated = { readonly text: string } | { readonly wrong: string };

/**
 * Puts variables into a text: `$NAME`, `${NAME}`, and `${NAME` with `:-` `-` (default), `:?` `?` (required), `:+` `+`
 * (instead), whose second half may hold variables again. `$$` is one `$`; a `$` before anything else stays.
 */
export function interpolate(text: string, variables: Variables): Interpolated {
  if (!text.includes("$")) return { text };
  return expand(text, variables, 0);
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

function expand(text: string, variables: Variables, depth: number): Interpolated {
  if (depth > INTERPOLATION_DEPTH_MAX)
    return { wrong: `variables are nested more than ${INTERPOLATION_DEPTH_MAX} deep` };
  const parts: string[] = [];
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf("$", at);
    if (dollar === -1) break;
    parts.push(text.slice(at, dollar));
    const next = text[dollar + 1];
    if (next === "$") {
      parts.push("$");
      at = dollar + 2;
    } else if (next === "{") {
      const end = closingBrace(text, dollar + 1);
      if (end === -1) return { wrong: "a ${ has no } after it; write $$ where a plain $ is meant" };
      const value = braced(text.slice(dollar + 2, end), variables, depth);
      if ("wrong" in value) return value;
      parts.push(value.text);
      at = end + 1;
    } else {
      const name = nameAt(text, dollar + 1);
      parts.push(name === "" ? "$" : plain(name, variables));
      at = dollar + 1 + name.length;
    }
  }
  parts.push(text.slice(at));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const wrong = variables.budget.spend(length);
  return wrong === undefined ? { text: parts.join("") } : { wrong };
}

function plain(name: string, variables: Variables): string {
  const value = variables.get(name);
  if (value === undefined) variables.unset(name);
  return value ?? "";
}

/** What stands between the braces. Only the half that counts is looked at. */
function braced(inner: string, variables: Variables, depth: number): Interpolated {
  const name = nameAt(inner, 0);
  const rest = inner.slice(name.length);
  const operator = /^:?[-?+]/.exec(rest)?.[0];
  if (name === "" || (operator === undefined && rest !== "")) {
    return {
      wrong: `\${${inner.slice(0, 40)}} is no variable; there are \${NAME}, \${NAME:-default}, \${NAME:?error} and \${NAME:+instead}, and $$ for a plain $`,
    };
  }
  if (operator === undefined) return { text: plain(name, variables) };
  const argument = rest.slice(operator.length);
  const value = variables.get(name);
  const given = value !== undefined && !(operator.startsWith(":") && value === "");
  if (operator.endsWith("+")) return given ? expand(argument, variables, depth + 1) : { text: "" };
  if (given) return { text: value };
  const filled = expand(argument, variables, depth + 1);
  if ("wrong" in filled || operator.endsWith("-")) return filled;
  const reason = filled.text === "" ? "" : `: ${filled.text}`;
  return { wrong: `required variable ${name} is missing a value${reason}` };
}

function nameAt(text: string, at: number): string {
  NAME.lastIndex = at;
  return NAME.exec(text)?.[0] ?? "";
}

/** The brace that closes the one at `open`; braces between them come in pairs. */
function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}") depth--;
    if (depth === 0) return at;
  }
  return -1;
}
