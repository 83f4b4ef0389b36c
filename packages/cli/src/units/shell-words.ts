import { invalid } from "../argument-error.ts";

/** Splits a command as a POSIX shell would, without expanding anything. Errors: `invalid_argument`. */
export function splitShellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "\\" && quote !== "'") {
      at += 1;
      if (at >= text.length) throw invalid(`'${text}' ends in a backslash`);
      const next = text.charAt(at);
      // Between double quotes a backslash is itself before all but these.
      const kept = quote === '"' && !/["\\$`\n]/.test(next) ? "\\" : "";
      word = (word ?? "") + kept + next;
    } else if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      word ??= "";
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== undefined) throw invalid(`'${text}' has a quote that isn't closed`);
  if (word !== undefined) words.push(word);
  return words;
}
