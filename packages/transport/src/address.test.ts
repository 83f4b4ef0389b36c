import { expect, it } from "vitest";
import { formatAddress, parseAddress } from "./address.ts";

it.each([
  ["10.0.0.1:7373", { host: "10.0.0.1", port: 7373 }],
  ["host-1.example:1", { host: "host-1.example", port: 1 }],
  ["[::1]:7373", { host: "::1", port: 7373 }],
  ["[fe80::1%eth0]:7373", { host: "fe80::1%eth0", port: 7373 }],
])("reads and writes %s", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
  expect(formatAddress(address)).toBe(text);
});

it.each(["", "host", ":1", "host:", "host:x", "host:65536", "::1:7373", "a b:1", "[::1]", "http://host:1"])(
  "refuses %j",
  (text) => expect(() => parseAddress(text)).toThrow(/write host:port/),
);
