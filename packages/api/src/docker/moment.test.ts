import { expect, it } from "vitest";
import { parseMoment } from "./moment.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");

it.each([
  ["24h", "2026-11-20T12:00:00Z"],
  ["1h30m", "2026-11-21T10:30:00Z"],
  ["1.5s", "2026-11-21T11:59:58.500Z"],
  ["500ms", "2026-11-21T11:59:59.500Z"],
  ["0s", "2026-11-21T12:00:00Z"],
  ["1795262400", "2026-11-21T12:00:00Z"],
  ["2026-11-01", "2026-11-01T00:00:00Z"],
  ["2026-11-01T10:00", "2026-11-01T10:00:00Z"],
  ["2026-11-01T10:00:00.5Z", "2026-11-01T10:00:00.500Z"],
  ["2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00Z"],
])("%s is %s", (text, at) => expect(parseMoment(text, NOW)).toBe(Date.parse(at)));

it.each(["", "yesterday", "-1h", "1d", "2026-13-01", "2026-11-01 10:00", "1h ago", "1e9"])("%j is refused", (text) => {
  expect(() => parseMoment(text, NOW)).toThrow(`invalid until filter '${text}'`);
});
