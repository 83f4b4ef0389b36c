const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** `100m`, `0.5`, `128Mi`, `1e3` as a number of units; undefined for what is no quantity, or less than nothing. */
export function parseQuantity(given: string): number | undefined {
  const found = /^\+?(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE]([-+]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(given);
  if (found === null) return undefined;
  const [, digits = "", exponent, suffix = ""] = found;
  if (exponent !== undefined) return Number(`${digits.replace(/\.$/, "")}e${exponent}`);
  return Number(digits) * (SUFFIXES[suffix] ?? 1);
}

/** Billionths of a CPU, rounded up as Kubernetes does; undefined where Docker's count can't hold it. */
export function nanoCpusOf(given: string): number | undefined {
  return whole((parseQuantity(given) ?? Number.NaN) * 1e9);
}

export function bytesOf(given: string): number | undefined {
  return whole(parseQuantity(given) ?? Number.NaN);
}

/** Up, but for what only the arithmetic added. */
function whole(value: number): number | undefined {
  const nearest = Math.round(value);
  const rounded = Math.abs(value - nearest) < 1e-9 * Math.max(1, Math.abs(value)) ? nearest : Math.ceil(value);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}
