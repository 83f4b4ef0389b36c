import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatToken, newJoinSecret, parseToken, secretMatches } from "./join-token.ts";

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz".split("");
const base36 = (length: number) =>
  fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: length, maxLength: length });
const anyToken = fc.record({ caDigest: base36(50), secret: base36(21) });

describe("join tokens", () => {
  it("have Docker's form: digest of 50, secret of 25 characters", () => {
    const token = formatToken({ caDigest: "d".repeat(50), secret: newJoinSecret() });
    expect(token).toMatch(/^MURMUR-1-[0-9a-z]{50}-[0-9a-z]{25}$/);
  });

  it("are read back, with blanks around them", () => {
    fc.assert(
      fc.property(anyToken, (token) => {
        expect(parseToken(` ${formatToken(token)}\n`)).toEqual(token);
      }),
    );
  });

  it("notice one changed character, but for one in 36 ** 4 that has the same checksum", () => {
    let unnoticed = 0;
    fc.assert(
      fc.property(anyToken, fc.nat(), fc.constantFrom(...ALPHABET), (token, position, character) => {
        const text = formatToken(token);
        const at = 9 + (position % (text.length - 9));
        fc.pre(text[at] !== "-" && text[at] !== character);
        const parse = (): unknown => parseToken(text.slice(0, at) + character + text.slice(at + 1));
        try {
          parse();
          unnoticed += 1;
        } catch {
          expect(parse).toThrow("checksum is wrong");
        }
      }),
    );
    expect(unnoticed).toBeLessThan(2);
  });

  it("notice that they were cut off, wherever", () => {
    fc.assert(
      fc.property(anyToken, fc.integer({ min: 9, max: 84 }), (token, length) => {
        expect(() => parseToken(formatToken(token).slice(0, length))).toThrow("cut off");
      }),
    );
  });

  it("throw one clear line for everything else", () => {
    expect(() => parseToken("SWMTKN-1-abc-def")).toThrow("does not have the form");
    expect(() => parseToken("MURMUR-2-abc-def")).toThrow("version 2");
    expect(() => parseToken(`MURMUR-1-${"a".repeat(51)}-${"b".repeat(25)}`)).toThrow("too long");
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseToken(text)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
      }),
    );
  });
});

describe("secrets", () => {
  it("are compared whole", () => {
    const secret = newJoinSecret();
    expect(secretMatches(secret, secret)).toBe(true);
    expect(secretMatches(secret.slice(1), secret)).toBe(false);
    expect(secretMatches("", secret)).toBe(false);
  });

  it("differ, and have 21 characters", () => {
    const secrets = Array.from({ length: 200 }, newJoinSecret);
    expect(new Set(secrets).size).toBe(200);
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-z]{21}$/);
  });
});
