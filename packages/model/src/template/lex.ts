import { TemplateError, type Place } from "./syntax.ts";

/** A piece of a template: text, or the inside of an action. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly tokens: readonly Token[]; readonly source: string; readonly at: Place };

export type Token =
  | { readonly kind: "literal"; readonly value: string | number | boolean; readonly at: Place }
  /** `.`, `.A.B`, `$`, `$x`, `$x.A`. */
  | { readonly kind: "field"; readonly of: string; readonly path: readonly string[]; readonly at: Place }
  | { readonly kind: "name"; readonly name: string; readonly at: Place }
  | { readonly kind: "sign"; readonly sign: "(" | ")" | "|" | "," | ":=" | "="; readonly at: Place };

/** Cuts a template into its pieces, with the space around actions swallowed where they say so. O(its length). */
export function* lexTemplate(template: string): Generator<Piece, void, undefined> {
  let at = 0;
  let trims = false;
  const textUntil = (end: number, { trimsEnd }: { readonly trimsEnd: boolean }): string => {
    const text = template.slice(at, end);
    const begun = trims ? text.replace(/^[ \t\r\n]+/, "") : text;
    return trimsEnd ? begun.slice(0, endOfText(begun)) : begun;
  };
  for (let open = template.indexOf("{{"); open >= 0; open = template.indexOf("{{", at)) {
    const trimsBefore = /^-[ \t\r\n]$/.test(template.slice(open + 2, open + 4));
    const text = textUntil(open, { trimsEnd: trimsBefore });
    if (text !== "") yield { kind: "text", text };
    const begin = open + 2 + (trimsBefore ? 1 : 0);
    const close = closing(template, begin);
    if (close < 0) throw new TemplateError(open, "{{ has no }}");
    const trimsAfter = /[ \t\r\n]-$/.test(template.slice(begin, close)) && close - begin > 1;
    const source = template.slice(begin, trimsAfter ? close - 1 : close);
    at = close + 2;
    trims = trimsAfter;
    if (/^\s*\/\*[^]*\*\/\s*$/.test(source)) continue;
    yield { kind: "action", tokens: tokensOf(source, begin), source: source.trim(), at: open };
  }
  const rest = textUntil(template.length, { trimsEnd: false });
  if (rest !== "") yield { kind: "text", text: rest };
}

/** Where the text ends without the space at its end. */
function endOfText(text: string): number {
  let end = text.length;
  while (end > 0 && " \t\r\n".includes(text.charAt(end - 1))) end -= 1;
  return end;
}

/** Where `}}` is that is part of no quoted text and no comment; -1 when there is none. */
function closing(text: string, from: number): number {
  const start = text.slice(from, from + 64).trimStart();
  if (start.startsWith("/*")) {
    const end = text.indexOf("*/", from);
    return end < 0 ? -1 : text.indexOf("}}", end);
  }
  let quote = "";
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === "") {
      if (character === "}" && text[at + 1] === "}") return at;
      if (character === '"' || character === "`") quote = character;
    } else if (character === "\\" && quote === '"') at += 1;
    else if (character === quote) quote = "";
  }
  return -1;
}

const SPACE = /[ \t\r\n]+/y;
const FIELD = /(\$[\p{L}\p{N}_]*)?((?:\.[\p{L}_][\p{L}\p{N}_]*)*)/uy;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER = /[+-]?[0-9]+(?![\p{L}\p{N}_.])/uy;
const SIGN = /:=|[()|,=]/y;
const QUOTED = /"(?:[^"\\\n]|\\["\\nrt])*"|`[^`]*`/y;

function tokensOf(source: string, from: Place): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    if (found === undefined || found === "") return undefined;
    at += found.length;
    return found;
  };
  while (at < source.length) {
    const place = from + at;
    const before = at;
    if (take(SPACE) !== undefined) continue;
    tokens.push(next(source, { at, place, take }));
    const isOpen = source.charAt(before) === "(" || /[\s(),|=]/.test(source.charAt(at)) || at >= source.length;
    const isSign = /[()|,=]$/.test(source.slice(before, at));
    if (!isOpen && !isSign) throw new TemplateError(from + at, `unexpected ${JSON.stringify(source.charAt(at))}`);
  }
  return tokens;
}

interface Cursor {
  readonly at: number;
  readonly place: Place;
  readonly take: (pattern: RegExp) => string | undefined;
}

function next(source: string, { at, place, take }: Cursor): Token {
  const character = source.charAt(at);
  const quoted = take(QUOTED);
  if (quoted !== undefined) return { kind: "literal", value: unquote(quoted), at: place };
  const number = take(NUMBER);
  if (number !== undefined) {
    const value = Number(number);
    if (!Number.isSafeInteger(value)) throw new TemplateError(place, "a number is too large");
    return { kind: "literal", value, at: place };
  }
  if (character === "." || character === "$") {
    const [of = "", ...path] = (take(FIELD) ?? take(/\./y) ?? "").split(".");
    return { kind: "field", of: of === "" ? "." : of, path: path.filter((name) => name !== ""), at: place };
  }
  const name = take(NAME);
  if (name === "true" || name === "false") return { kind: "literal", value: name === "true", at: place };
  if (name !== undefined) return { kind: "name", name, at: place };
  const sign = take(SIGN);
  if (sign === "(" || sign === ")" || sign === "|" || sign === "," || sign === ":=" || sign === "=")
    return { kind: "sign", sign, at: place };
  throw new TemplateError(place, `unexpected ${JSON.stringify(character)}`);
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

const unquote = (quoted: string): string =>
  quoted.startsWith("`")
    ? quoted.slice(1, -1)
    : quoted.slice(1, -1).replaceAll(/\\(.)/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
