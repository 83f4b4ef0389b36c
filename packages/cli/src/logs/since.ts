import type { Millis } from "@murmur/base";
import { invalid } from "../argument-error.ts";
import { parseDuration } from "../units/duration.ts";

/**
 * A moment as Docker's `--since` takes it: how long ago (`42m`), Unix seconds, or a date of RFC 3339, which may lack its
 * time, and is local where it names no zone. As Unix seconds. Errors: `invalid_argument`.
 */
export function parseSince(text: string, now: Millis, flag = "--since"): string {
  if (/^\d{5,12}(\.\d{1,9})?$/.test(text)) return text;
  const date = /^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  if (date !== null) {
    const [, time, minutes] = date;
    const whole = text.replace(/^(.{10})(T\d{2})?/, (_all, day: string, hour = "T00") =>
      minutes === undefined ? `${day}${String(hour)}:00` : `${day}${time?.slice(0, 3) ?? ""}`,
    );
    const at = Date.parse(whole);
    if (!Number.isNaN(at)) return (at / 1_000).toFixed(3);
  }
  try {
    return ((now - parseDuration(text) / 1e6) / 1_000).toFixed(3);
  } catch {
    throw invalid(
      `invalid value for ${flag}: '${text}': give a time such as 2026-11-21T03:00:00Z, or how long ago, such as 42m`,
    );
  }
}
