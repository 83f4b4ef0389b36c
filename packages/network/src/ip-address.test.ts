import * as fc from "fast-check";
import { expect, it } from "vitest";
import { formatIpPort, ipBytes, parseIpPort } from "./ip-address.ts";

it.each([
  ["10.0.0.1:53", { host: "10.0.0.1", port: 53 }],
  ["[::1]:5300", { host: "::1", port: 5300 }],
  ["[fe80::1%eth0]:53", { host: "fe80::1%eth0", port: 53 }],
])("reads %s", (text, address) => {
  expect(parseIpPort(text, "the address")).toEqual(address);
  expect(formatIpPort(address)).toBe(text);
});

it.each(["9.9.9.9", "::1"])("reads %s alone where there is a default port", (host) => {
  expect(parseIpPort(host, "the resolver", 53)).toEqual({ host, port: 53 });
});

it.each(["", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "::1:53", "[10.0.0.1]:53", "dns:53", ":53"])(
  "refuses %j",
  (text) => {
    expect(() => parseIpPort(text, "the address")).toThrow(/^the address ".*" is not of the form/);
  },
);

it.each([
  ["1.2.3.4", [1, 2, 3, 4]],
  ["::", Array.from({ length: 16 }, () => 0)],
  ["::ffff:1.2.3.4", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4]],
  ["2001:db8::1:0", [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]],
  ["fe80::1%eth0", undefined],
  ["name", undefined],
])("the bytes of %s", (text, bytes) => expect(ipBytes(text)).toEqual(bytes));

it("gives sixteen bytes for any IPv6 address", () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => ipBytes(text)?.length === 16 && ipBytes(text)?.every((byte) => byte <= 255)),
  );
});
