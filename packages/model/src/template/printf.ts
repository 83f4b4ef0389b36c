import { kindOf, textOf, type Value } from "./value.ts";

/** Of what a text is filled up to. */
const WIDTH_MAX = 1_000;

const VERB = /%([-+ 0#]*)(\d*)(?:\.(\d*))?([^])?/g;

/** Go's printf with the verbs that texts and whole numbers need: `%s %v %q %d %x %X %t %%`, with flags, width, precision. */
export function formatText(
  format: string,
  args: readonly Value[],
): { readonly text: string } | { readonly problem: string } {
  let used = 0;
  let problem: string | undefined;
  const text = format.replaceAll(
    VERB,
    (_whole, flags: string, width: string, precision: string | undefined, verb: string | undefined) => {
      if (verb === "%") return "%";
      const value = args[used];
      used += 1;
      const digits = Math.max(Number(width), Number(precision ?? 0));
      if (digits > WIDTH_MAX) problem ??= `fills up to ${WIDTH_MAX} characters at the most`;
      else if (verb === undefined) problem ??= "has a % without what it stands for: write %% for the sign";
      else if (value === undefined) problem ??= `has nothing for its %${verb}`;
      if (problem !== undefined || value === undefined || verb === undefined) return "";
      const shown = show(verb, value, { flags, precision: precision === undefined ? undefined : Number(precision) });
      if ("problem" in shown) {
        problem = shown.problem;
        return "";
      }
      return pad(shown.text, { flags, width: Number(width) });
    },
  );
  if (problem === undefined && used < args.length) problem = "has values left over";
  return problem === undefined ? { text } : { problem };
}

interface Flags {
  readonly flags: string;
  readonly precision: number | undefined;
}

function show(verb: string, value: Value, given: Flags): { readonly text: string } | { readonly problem: string } {
  const plain = textOf(value);
  if (plain === undefined) return { problem: "takes no value that has fields: name one of them" };
  switch (verb) {
    case "v":
      return { text: typeof value === "string" ? cut(plain, given) : signed(value, plain, given) };
    case "s":
    case "q": {
      if (typeof value !== "string") return { problem: `has ${kindOf(value)} for %${verb}, which shows a text` };
      const text = cut(value, given);
      return { text: verb === "s" ? text : JSON.stringify(text.toWellFormed()) };
    }
    case "d":
      if (typeof value === "number") return { text: signed(value, plain, given) };
      return { problem: `has ${kindOf(value)} for %d, which shows a number: use %s, also to fill up with zeros` };
    case "x":
    case "X": {
      const hex = typeof value === "number" ? value.toString(16) : typeof value === "string" ? hexOf(value) : undefined;
      if (hex === undefined) return { problem: `has ${kindOf(value)} for %${verb}, which shows a number or a text` };
      return { text: verb === "x" ? hex : hex.toUpperCase() };
    }
    case "t":
      if (typeof value === "boolean") return { text: plain };
      return { problem: `has ${kindOf(value)} for %t, which shows true or false` };
    default:
      return { problem: "knows %s, %v, %q, %d, %x, %X, %t and %%" };
  }
}

const signed = (value: Value, plain: string, { flags }: Flags): string =>
  typeof value === "number" && value >= 0 && flags.includes("+") ? `+${plain}` : plain;

const cut = (text: string, { precision }: Flags): string =>
  precision === undefined ? text : Array.from(text).slice(0, precision).join("");

/** The bytes in UTF-8, two digits each. */
const hexOf = (text: string): string =>
  encodeURIComponent(text.toWellFormed())
    .replaceAll(/%..|[^%]/g, (part) => (part.length > 1 ? part.slice(1) : part.charCodeAt(0).toString(16)))
    .toLowerCase();

function pad(text: string, { flags, width }: { readonly flags: string; readonly width: number }): string {
  const missing = Math.max(0, width - Array.from(text).length);
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0")) return " ".repeat(missing) + text;
  const sign = /^[-+](?=\d+$)/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}
