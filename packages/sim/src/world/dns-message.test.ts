import { describe, expect, it } from "vitest";
import { readAnswer, reverseName, writeQuestion } from "./dns-message.ts";

/** `web.front`, as it stands in messages. */
const NAME = "037765620566726f6e7400";
/** Where the question's name begins. */
const POINTER = "c00c";

/** A message with one question for `web.front`, and such answers. */
function message(flags: string, answers: readonly string[]): Buffer {
  const counts = `0001${answers.length.toString(16).padStart(4, "0")}00000000`;
  return Buffer.from(`0000${flags}${counts}${NAME}00010001${answers.join("")}`, "hex");
}

/** A record of `web.front`: type, seconds, data. */
function record(type: number, ttlS: number, data: string): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  return `${POINTER}${hex(type, 4)}0001${hex(ttlS, 8)}${hex(data.length / 2, 4)}${data}`;
}

describe("the simulator's side of DNS", () => {
  it("asks as the standard has it", () => {
    const header = "000001000001000000000000";
    expect(writeQuestion("web.front", "SRV").toString("hex")).toBe(`${header}${NAME}00210001`);
  });

  it("reads records, with names compressed or not", () => {
    const answers = [
      record(1, 1, "0a000009"),
      record(28, 2, "fd00000000000000000a000000000001"),
      record(12, 3, `0131${POINTER}`),
      record(33, 4, `000000011f900131${NAME}`),
      record(16, 5, "00"),
    ];
    expect(readAnswer(message("8180", answers))).toEqual({
      rcode: 0,
      isTruncated: false,
      records: [
        { type: "A", ttlS: 1, data: "10.0.0.9" },
        { type: "AAAA", ttlS: 2, data: "fd00::a:0:0:1" },
        { type: "PTR", ttlS: 3, data: "1.web.front" },
        { type: "SRV", ttlS: 4, data: "1.web.front:8080" },
      ],
    });
  });

  it("sees what is refused or cut, and doesn't read on for ever", () => {
    const empty = message("8303", []);
    expect(readAnswer(empty)).toEqual({ rcode: 3, isTruncated: true, records: [] });
    const loop = Buffer.concat([empty.subarray(0, 12), Buffer.of(0xc0, 12, 0, 1, 0, 1)]);
    expect(() => readAnswer(loop)).toThrow("never ends");
    expect(() => readAnswer(empty.subarray(0, 13))).toThrow(RangeError);
  });

  it.each([
    ["10.1.2.3", "3.2.1.10.in-addr.arpa"],
    ["fd00::1:2", `2.0.0.0.1.0.0.0.${"0.".repeat(20)}0.0.d.f.ip6.arpa`],
    ["::", `${"0.".repeat(32)}ip6.arpa`],
  ])("asks whose %s is by %s", (address, name) => expect(reverseName(address)).toBe(name));
});
