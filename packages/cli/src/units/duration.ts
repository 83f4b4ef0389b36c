import { invalid } from "../argument-error.ts";

const NANOSECONDS = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;
type Unit = keyof typeof NANOSECONDS;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|ms|s|m|h)/y;

/** `10s`, `1m30s`, `500ms`, `0`: a length of time, in nanoseconds. Errors: `invalid_argument`. */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  let total = 0;
  PART.lastIndex = 0;
  let end = 0;
  for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
    total += Number(part[1]) * NANOSECONDS[part[2] as Unit];
    end = PART.lastIndex;
  }
  const nanoseconds = Math.round(total);
  if (end === 0 || end !== text.length || !(nanoseconds < 2 ** 63)) {
    throw invalid(`invalid duration '${text}': give a number and a unit, such as 10s or 1m30s`);
  }
  return nanoseconds;
}

/** The shortest way to write nanoseconds, as Go does: `1m30s`, `500ms`, `10s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e3) return `${String(nanoseconds)}ns`;
  if (nanoseconds < 1e6) return `${String(nanoseconds / 1e3)}µs`;
  if (nanoseconds < 1e9) return `${String(nanoseconds / 1e6)}ms`;
  const hours = Math.floor(nanoseconds / 3600e9);
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9);
  const seconds = Number(((nanoseconds % 60e9) / 1e9).toFixed(9));
  const head = hours > 0 ? `${String(hours)}h${String(minutes)}m` : minutes > 0 ? `${String(minutes)}m` : "";
  return `${head}${String(seconds)}s`;
}
