import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatToken, newJoinSecret, parseToken, secretMatches } from "./join-token.ts";

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz".split("");
const base36 = (length: number) =>
  fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: length, maxLength: length });
const anyToken = fc.record({ caDigest: base36(50), secret: base36(21) });

const CHECK_LENGTH = 4;
/** What four characters can hold of a text's CRC: one change in 36 ** 4 leaves the same. */
const sumOf = (token: string): number => crc32(token.slice(0, -CHECK_LENGTH)) % 36 ** CHECK_LENGTH;
const changedAt = (text: string, at: number, character: string): string =>
  text.slice(0, at) + character + text.slice(at + 1);

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

  it("notice any one changed character, unless both have the same checksum", () => {
    fc.assert(
      fc.property(anyToken, fc.nat(), fc.constantFrom(...ALPHABET), (token, position, character) => {
        const text = formatToken(token);
        const at = 9 + (position % (text.length - 9));
        fc.pre(text[at] !== "-" && text[at] !== character);
        const changed = changedAt(text, at, character);
        if (sumOf(changed) === sumOf(text) && at < text.length - CHECK_LENGTH)
          expect(formatToken(parseToken(changed))).toBe(changed);
        else expect(() => parseToken(changed)).toThrow("checksum is wrong");
      }),
    );
  });

  it("notice any one changed character of one that nothing collides with", () => {
    const text = formatToken({ caDigest: "0123456789".repeat(5), secret: "abcdefghijklmnopqrstu" });
    expect(text.slice(-CHECK_LENGTH)).toBe(sumOf(text).toString(36).padStart(CHECK_LENGTH, "0"));
    for (let at = 9; at < text.length; at += 1) {
      if (text[at] === "-") continue;
      for (const character of ALPHABET.filter((other) => other !== text[at]))
        expect(() => parseToken(changedAt(text, at, character))).toThrow("checksum is wrong");
    }
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
