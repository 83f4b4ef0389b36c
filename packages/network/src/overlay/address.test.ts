import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalAddress, ipv4OfMac, macOf, markOf, subnetHolds } from "./address.ts";

describe("canonicalAddress", () => {
  it.each([
    ["10.0.0.1", "10.0.0.1"],
    ["FD00:0:0:1:0:0:0:A", "fd00:0:0:1::a"],
    ["fd00::1:0:0:1", "fd00::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::1", "::1"],
    ["fd00:1:2:3:4:5:6:0", "fd00:1:2:3:4:5:6:0"],
    ["1:0:0:2:0:0:0:0", "1:0:0:2::"],
  ])("writes %s as %s", (text, written) => expect(canonicalAddress(text)).toBe(written));

  it("writes every way of writing an address in one", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const written = canonicalAddress(text);
        expect(canonicalAddress(written)).toBe(written);
        // The URL parser's is the only other one at hand, and it knows the same form.
        expect(`[${written}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
    );
  });
});

it("derives MAC addresses as Docker does, and marks that are unique", () => {
  expect(macOf("10.9.0.254")).toBe("02:42:0a:09:00:fe");
  expect(markOf("10.9.0.254")).toBe(0x0a0900fe);
  expect(markOf("255.255.255.255")).toBe(0xffffffff);
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      expect(ipv4OfMac(macOf(text))).toBe(text);
    }),
  );
  expect(ipv4OfMac("52:54:00:12:34:56")).toBeUndefined();
});

it.each([
  ["10.9.0.0/24", "10.9.0.255", true],
  ["10.9.0.0/24", "10.9.1.0", false],
  ["10.9.0.0/23", "10.9.1.0", true],
  ["10.9.128.0/17", "10.9.127.255", false],
  ["0.0.0.0/0", "1.2.3.4", true],
  ["10.9.0.7/32", "10.9.0.7", true],
  ["10.9.0.7/32", "10.9.0.6", false],
  ["fd00::/65", "fd00::7fff:0:0:1", true],
  ["fd00::/65", "fd00::8000:0:0:1", false],
  ["fd00::/64", "10.9.0.1", false],
  ["10.9.0.0/33", "10.9.0.1", false],
  ["10.9.0.0", "10.9.0.0", false],
])("knows whether %s holds %s: %s", (subnet, address, holds) => expect(subnetHolds(subnet, address)).toBe(holds));
