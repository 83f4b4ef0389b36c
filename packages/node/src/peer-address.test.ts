import { describe, expect, it } from "vitest";
import { listenAddress, withPort } from "./peer-address.ts";

describe("where a node listens", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1:7373"],
    ["127.0.0.1:2377", "127.0.0.1:2377"],
    [":2377", "0.0.0.0:2377"],
    ["::1", "[::1]:7373"],
    ["[::1]", "[::1]:7373"],
    ["[::1]:99", "[::1]:99"],
    ["lo", "127.0.0.1:7373"],
    ["lo:99", "127.0.0.1:99"],
  ])("said as %s is %s", (said, address) => {
    expect(listenAddress(said)).toBe(address);
  });

  it("is refused when it is no address", () => {
    expect(() => listenAddress("a b")).toThrow('"a b:7373" is no address');
  });
});

it("the address of another node gets the usual port", () => {
  expect(["ca", "10.0.0.1", "10.0.0.1:1", "fd00::1"].map(withPort)).toEqual([
    "ca:7373",
    "10.0.0.1:7373",
    "10.0.0.1:1",
    "[fd00::1]:7373",
  ]);
});
