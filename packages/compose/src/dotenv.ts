import { interpolate, type Variables } from "./interpolate.ts";
import { problem, shown } from "./problem.ts";

/**
 * Variables of a `.env` file, in its order: `NAME=value`, `NAME: value`, with or without `export`. Unquoted values end
 * at ` #`; double-quoted ones know escapes and may span lines; single-quoted ones are as they stand. Variables are put
 * in except within single quotes: those of `variables` first, else those of the lines before. A name without `=` is
 * taken from `variables`, or left out. Names that begin with a digit are passed over, as Docker does.
 */
export function parseDotenv(text: string, file: string, variables: Variables): ReadonlyMap<string, string> {
  return new DotenvParser(text, file, variables).parse();
}

/** `format: raw`, the format of `docker run --env-file`: nothing is unquoted or put in. */
export function parseRawEnv(text: string, file: string, variables: Variables): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [index, line] of text.split("\n").entries()) {
    const trimmed = line.replace(/\r$/, "").trimStart();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const [name, value] = cut(trimmed);
    if (name === "" || /\s/.test(name)) {
      throw problem({ file, line: index + 1 }, "", `${shown(name)} is no name of a variable; NAME=value is expected`);
    }
    const inherited = value ?? variables.get(name);
    if (inherited !== undefined) found.set(name, inherited);
  }
  return found;
}

/** `NAME=value` in two; without `=` there is no value. */
export function cut(text: string): readonly [string, string | undefined] {
  const at = text.indexOf("=");
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

const BLANK = /[\t\v\f\r \u0085\u00a0]*/y;
const SPACE = /\s*/y;
const NAME = /[\p{L}\p{N}_.[\]-]+/uy;

class DotenvParser {
  readonly #text: string;
  readonly #file: string;
  readonly #variables: Variables;
  readonly #found = new Map<string, string>();
  #at = 0;

  constructor(text: string, file: string, variables: Variables) {
    this.#text = text;
    this.#file = file;
    this.#variables = variables;
  }

  parse(): ReadonlyMap<string, string> {
    for (;;) {
      this.#take(SPACE);
      if (this.#at >= this.#text.length) return this.#found;
      if (this.#text[this.#at] === "#") this.#line();
      else this.#statement();
    }
  }

  #statement(): void {
    this.#take(/export[\t\v\f\r ]+/y);
    const start = this.#at;
    const name = this.#take(NAME);
    this.#take(BLANK);
    const separator = this.#text[this.#at];
    if (name === "" || (separator !== undefined && separator !== "\n" && separator !== "=" && separator !== ":")) {
      this.#at = start;
      throw this.#problem(start, `${shown(this.#line())} is no variable; NAME=value is expected`);
    }
    if (separator === undefined || separator === "\n") {
      const inherited = this.#variables.get(name);
      if (inherited !== undefined) this.#set(name, inherited);
      return;
    }
    this.#at++;
    this.#take(BLANK);
    const quote = this.#text[this.#at];
    this.#set(name, quote === '"' || quote === "'" ? this.#quoted(quote) : this.#unquoted());
  }

  #set(name: string, value: string): void {
    if (!/^\d/.test(name)) this.#found.set(name, value);
  }

  #unquoted(): string {
    const start = this.#at;
    const line = this.#line();
    const comment = line.indexOf(" #");
    return this.#filled((comment === -1 ? line : line.slice(0, comment)).trimEnd(), start);
  }

  #quoted(quote: string): string {
    const start = this.#at;
    const parts: string[] = [];
    for (let at = start + 1; at < this.#text.length; at++) {
      const character = this.#text[at] ?? "";
      if (character === quote) {
        this.#at = at + 1;
        const value = parts.join("");
        return quote === '"' ? this.#filled(unescaped(value), start) : value;
      }
      // An escaped quote doesn't end the value; other escapes are left to `unescaped`, and to nobody in single quotes.
      if (character === "\\" && at + 1 < this.#text.length) {
        const next = this.#text[++at] ?? "";
        parts.push(next === quote ? next : character + next);
      } else parts.push(character);
    }
    throw this.#problem(start, `the quote ${quote} isn't closed`);
  }

  #filled(value: string, start: number): string {
    const own: Variables = { ...this.#variables, get: (name) => this.#variables.get(name) ?? this.#found.get(name) };
    const result = interpolate(value, own);
    if ("wrong" in result) throw this.#problem(start, result.wrong);
    return result.text;
  }

  /** The rest of the line, without its end; the next line is what follows. */
  #line(): string {
    const end = this.#text.indexOf("\n", this.#at);
    const line = this.#text.slice(this.#at, end === -1 ? this.#text.length : end);
    this.#at = end === -1 ? this.#text.length : end + 1;
    return line.replace(/\r$/, "");
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += taken.length;
    return taken;
  }

  #problem(at: number, text: string): Error {
    let line = 1;
    for (let index = this.#text.indexOf("\n"); index !== -1 && index < at; index = this.#text.indexOf("\n", index + 1))
      line++;
    return problem({ file: this.#file, line }, "", text);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  c: "\\c",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  '"': '"',
  "\\": "\\",
  // One that interpolation is to leave alone.
  $: "$$",
};

function unescaped(value: string): string {
  return value.replaceAll(/\\(?:([abcfnrtv$"\\])|0(\d{0,3}))/g, (all: string, letter?: string, octal?: string) => {
    if (letter !== undefined) return ESCAPES[letter] ?? all;
    return octal !== undefined && /^[0-3][0-7]{2}$/.test(octal) ? String.fromCharCode(Number.parseInt(octal, 8)) : all;
  });
}
