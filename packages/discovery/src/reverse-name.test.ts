import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOfReverse, addressType, canonicalAddress } from "./reverse-name.ts";

describe("a reverse name", () => {
  it.each([
    ["7.2.0.192.in-addr.arpa", "192.0.2.7"],
    [`b.a.9.8.7.6.5.0.${"0.".repeat(16)}8.b.d.0.1.0.0.2.ip6.arpa`, "2001:db8::567:89ab"],
    [`${"0.".repeat(32)}ip6.arpa`, "::"],
  ])("%s is about %s", (name, address) => expect(addressOfReverse(name)).toBe(address));

  it.each([
    "",
    "in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "7.7.2.0.192.in-addr.arpa",
    "07.2.0.192.in-addr.arpa",
    "256.2.0.192.in-addr.arpa",
    "x.2.0.192.in-addr.arpa",
    `${"0.".repeat(31)}ip6.arpa`,
    `${"0.".repeat(33)}ip6.arpa`,
    `${"g.".repeat(32)}ip6.arpa`,
    "7.2.0.192.in-addr.arpa.example",
  ])("'%s' is about no address", (name) => expect(addressOfReverse(name)).toBeUndefined());

  it("is about the address that it was made from", () => {
    const nibbles = fc.array(
      fc.integer({ min: 0, max: 15 }).map((digit) => digit.toString(16)),
      {
        minLength: 32,
        maxLength: 32,
      },
    );
    fc.assert(
      fc.property(nibbles, (digits) => {
        const written = digits.join("").replaceAll(/.{4}(?=.)/g, "$&:");
        const found = addressOfReverse(`${digits.toReversed().join(".")}.ip6.arpa`);
        expect(found).toBe(canonicalAddress(written));
        // Another implementation's way to write it.
        expect(found).toBe(new URL(`http://[${written}]`).hostname.slice(1, -1));
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(addressOfReverse(`${address.split(".").toReversed().join(".")}.in-addr.arpa`)).toBe(address);
      }),
    );
  });
});

describe("the type of an address", () => {
  it.each([
    ["192.0.2.7", "A"],
    ["fd00::1", "AAAA"],
    ["::ffff:10.0.0.1", "AAAA"],
    ["host", undefined],
    ["1.2.3.256", undefined],
    ["", undefined],
  ])("of '%s' is %s", (text, type) => expect(addressType(text)).toBe(type));
});
