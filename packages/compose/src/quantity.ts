/** Quantities as Compose writes them. Each parser returns undefined for what it can't read. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** What a 64-bit count of nanoseconds holds, which is what Docker keeps. */
const DURATION_MS_MAX = 9_223_372_036_854;

/** `1h5m30s20ms` in whole milliseconds; what is less than one and more than nothing is one. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const term = /(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d|w)/y;
  let total = 0;
  for (let at = 0; at < text.length || at === 0; at = term.lastIndex) {
    term.lastIndex = at;
    const found = term.exec(text);
    if (found === null) return undefined;
    total += Number(found[1]) * (UNIT_MS[found[2] ?? ""] ?? 0);
    if (total > DURATION_MS_MAX) return undefined;
  }
  return total > 0 ? Math.max(1, Math.round(total)) : 0;
}

const BYTES: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `64M`, `1gb`, `1.5GiB`, `1024`, all in powers of 1024. */
export function parseBytes(text: string): number | undefined {
  const found = /^(\d{1,18}(?:\.\d{1,18})?) ?([kmgtp])?i?b?$/i.exec(text);
  if (found === null) return undefined;
  const bytes = Math.trunc(Number(found[1]) * 1024 ** (BYTES[found[2]?.toLowerCase() ?? ""] ?? 0));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `0.5` CPUs in billionths of one. */
export function parseCpus(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{0,18})?|\.\d{1,18})$/.test(text)) return undefined;
  return Math.round(Number(text) * 1e9);
}
