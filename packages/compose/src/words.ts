export type Words = { readonly words: readonly string[] } | { readonly wrong: string };

/**
 * A command line in words, as a shell cuts it: quotes and backslashes count, but nothing is run, expanded or piped
 * (`;`, `|` and `>` are characters; who wants a shell writes `sh -c`).
 */
export function shellWords(text: string): Words {
  const words: string[] = [];
  let word: string[] | undefined;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word.join(""));
      word = undefined;
      continue;
    }
    word ??= [];
    if (character === quote) quote = undefined;
    else if (quote === undefined && (character === '"' || character === "'")) quote = character;
    else if (character === "\\" && quote !== "'") {
      const next = text[++at];
      if (next === undefined) return { wrong: "a backslash stands at the end; write \\\\ for a backslash" };
      // Within double quotes a backslash escapes only what is special there.
      word.push(quote === '"' && !/["\\$`\n]/.test(next) ? character + next : next);
    } else word.push(character);
  }
  if (quote !== undefined) return { wrong: `the quote ${quote} isn't closed` };
  if (word !== undefined) words.push(word.join(""));
  return { words };
}
