import { SWITCHES } from "./service/flag-table.ts";

const NAMES: ReadonlySet<string> = new Set([...SWITCHES, "detach", "quiet"]);

/**
 * Lets switches be written with a value, as Docker does: `--init=false` is `--no-init`, `--detach=true` is `--detach`.
 * What follows `--` is left alone.
 */
export function rewriteSwitches(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((word, at) => {
    const match = end >= 0 && at > end ? null : /^--([a-z-]+)=(true|false|1|0)$/.exec(word);
    const name = match?.[1] ?? "";
    if (match === null || !NAMES.has(name)) return word;
    return match[2] === "true" || match[2] === "1" ? `--${name}` : `--no-${name}`;
  });
}
