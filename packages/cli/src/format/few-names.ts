const NAMED_MAX = 5;

/** `a, b` of a few names, `a, b, c, d, e and 7 more` of many. `total`: how many there are, where fewer are given. */
export function fewNames(names: readonly string[], total: number = names.length): string {
  const more = total > NAMED_MAX ? ` and ${String(total - NAMED_MAX)} more` : "";
  return `${names.slice(0, NAMED_MAX).join(", ")}${more}`;
}
