const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** Bytes as Docker says what was moved: three digits at most, and a decimal unit. */
export function humanDecimal(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${String(Number(value.toPrecision(3)))}${UNITS[unit] ?? ""}`;
}
