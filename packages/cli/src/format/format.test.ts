import { describe, expect, it } from "vitest";
import { humanDuration } from "./human-duration.ts";
import { humanSize } from "./human-size.ts";
import { formatTable } from "./table.ts";
import { shortened } from "./words.ts";

describe("a table", () => {
  it("has columns of at least ten, three apart, and no space at the ends of its lines", () => {
    const text = formatTable(
      ["ID", "NAME", "PORTS"],
      [
        ["abcdefghijkl", "web", "*:80->80/tcp"],
        ["b", "x", ""],
      ],
    );
    expect(text).toBe(
      ["ID             NAME      PORTS", "abcdefghijkl   web       *:80->80/tcp", "b              x"].join("\n"),
    );
  });
  it("is its headers when there are no rows", () => expect(formatTable(["ID", "NAME"], [])).toBe("ID        NAME"));
  it("counts characters, not bytes", () =>
    expect(formatTable(["É", "B"], [["…", "b"]])).toBe("É         B\n…         b"));
});

it.each([
  [0, "Less than a second"],
  [1_000, "1 second"],
  [59_999, "59 seconds"],
  [60_000, "About a minute"],
  [46 * 60_000, "46 minutes"],
  [60 * 60_000, "About an hour"],
  [100 * 60_000, "2 hours"],
  [47 * 3_600_000, "47 hours"],
  [48 * 3_600_000, "2 days"],
  [20 * 86_400_000, "2 weeks"],
  [100 * 86_400_000, "3 months"],
  [900 * 86_400_000, "2 years"],
  [-5, "Less than a second"],
])("%d ms are %s", (ms, text) => expect(humanDuration(ms)).toBe(text));

it.each([
  [0, "0B"],
  [1023, "1023B"],
  [4 * 2 ** 30, "4GiB"],
  [25_270_000_000, "23.53GiB"],
])("%d bytes are %s", (bytes, text) => expect(humanSize(bytes)).toBe(text));

it("cuts long texts as Docker does", () => {
  expect(shortened("task: non-zero exit (1)", 30)).toBe("task: non-zero exit (1)");
  expect(shortened("no suitable node (insufficient resources)", 30)).toBe("no suitable node (insufficien…");
});
