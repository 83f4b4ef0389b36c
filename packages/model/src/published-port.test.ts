import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressesOverlap, canonicalHostIp, portsOverlap, servedByProxy } from "./published-port.ts";

const V4 = ["10.0.0.1", "10.0.0.2", "127.0.0.1"];
const V6 = ["fd00::1", "::1"];

describe("addressesOverlap", () => {
  /** What a listener on an address would take, spelled out. */
  const reached = (address: string | undefined): readonly string[] => {
    if (address === undefined) return [...V4, ...V6];
    if (address === "0.0.0.0") return V4;
    return address === "::" ? V6 : [address];
  };

  it("is whether any address of a node belongs to both", () => {
    const address = fc.constantFrom(undefined, "0.0.0.0", "::", ...V4, ...V6);
    fc.assert(
      fc.property(address, address, (left, right) => {
        const both = reached(left).some((one) => reached(right).includes(one));
        expect(addressesOverlap(left, right)).toBe(both);
      }),
    );
  });
});

it("tells ports apart by protocol, number and address", () => {
  const port = { protocol: "tcp", publishedPort: 80, hostIp: "10.0.0.1" } as const;
  expect(portsOverlap(port, { protocol: "tcp", publishedPort: 80 })).toBe(true);
  expect(portsOverlap(port, { ...port, hostIp: "10.0.0.2" })).toBe(false);
  expect(portsOverlap(port, { ...port, protocol: "udp" })).toBe(false);
  expect(portsOverlap(port, { ...port, publishedPort: 81 })).toBe(false);
});

it.each([
  [{}, false],
  [{ balancing: "random", localFirst: true, hostIp: "10.0.0.1" }, false],
  [{ balancing: "round-robin" }, false],
  [{ balancing: "source-hash", proxyProtocol: false }, false],
  [{ balancing: "least-conn" }, true],
  [{ balancing: "peak-ewma" }, true],
  [{ proxyProtocol: true }, true],
  [{ hostIp: "127.0.0.2" }, true],
  [{ hostIp: "::1" }, true],
  [{ hostIp: "::" }, false],
] as const)("%j is served by the proxy: %s", (options, is) => expect(servedByProxy(options)).toBe(is));

it.each([
  ["10.0.0.1", "10.0.0.1"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["FD00:0::00A1", "fd00::a1"],
  ["0.0.0.0", "0.0.0.0"],
  ["::", "::"],
  ["::ffff:10.0.0.1", undefined],
  ["::ffff:a00:1", undefined],
  ["010.0.0.1", undefined],
  ["fe80::1%eth0", undefined],
  ["localhost", undefined],
  ["", undefined],
])("a port on %j is one on %j", (text, canonical) => expect(canonicalHostIp(text)).toBe(canonical));
