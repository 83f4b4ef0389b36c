import { ClusterError, type Millis } from "@murmur/base";

const UNITS: Readonly<Record<string, Millis>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
};
const DURATION = /^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|\u00b5s|ns))+$/;
const PART = /(\d+(?:\.\d+)?)(h|ms|m|s|us|\u00b5s|ns)/g;

/**
 * A moment as Docker's `until` filters take it: so long before `now` (`1h30m`), seconds since 1970, or a date of RFC 3339,
 * which may lack its time, and counts as UTC when it names no zone. Errors: `invalid_argument`.
 */
export function parseMoment(text: string, now: Millis): Millis {
  if (DURATION.test(text)) {
    return [...text.matchAll(PART)].reduce((at, [, count, unit]) => at - Number(count) * (UNITS[unit ?? ""] ?? 0), now);
  }
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1_000;
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  const isZoned = text.length <= 10 || /(?:Z|[+-]\d{2}:\d{2})$/.test(text);
  const at = isDate ? Date.parse(isZoned ? text : `${text}Z`) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new ClusterError(
    "invalid_argument",
    `invalid until filter '${text}': give a time such as 2026-11-21T03:00:00, or how long ago, such as 24h`,
  );
}
