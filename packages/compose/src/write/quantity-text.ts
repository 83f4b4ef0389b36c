/** Quantities as Compose writes them, so that reading them gives the same number again. */

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** Whole milliseconds as `1h5m30s20ms`. */
export function durationText(ms: number): string {
  const parts: string[] = [];
  let left = ms;
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count}${unit}`);
    left -= count * size;
  }
  return parts.length === 0 ? "0s" : parts.join("");
}

/** Billionths of a CPU as `0.5`. */
export function cpusText(nanoCpus: number): string {
  return (nanoCpus / 1e9).toFixed(9).replace(/\.?0+$/, "");
}
