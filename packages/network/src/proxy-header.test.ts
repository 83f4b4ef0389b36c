import { isIPv4 } from "node:net";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainAddress, proxyHeader } from "./proxy-header.ts";
import { decodeProxyHeader } from "./testing/decode-proxy-header.ts";

const port = fc.integer({ min: 0, max: 65_535 });
/** As the kernel writes them. */
const ipv6 = fc.ipV6().map((text) => new URL(`http://[${text}]/`).hostname.slice(1, -1));

describe("the PROXY header", () => {
  it.each([
    ["IPv4", fc.ipV4()],
    ["IPv6", ipv6.filter((text) => !isIPv4(plainAddress(text)))],
  ])("tells %s addresses and ports, whatever they are", (family, host) => {
    fc.assert(
      fc.property(host, port, host, port, (from, fromPort, to, toPort) => {
        const header = proxyHeader({ host: from, port: fromPort }, { host: to, port: toPort });
        expect(decodeProxyHeader(Buffer.concat([header, Buffer.from("GET /")]))).toEqual({
          family,
          source: `${from} ${String(fromPort)}`,
          destination: `${to} ${String(toPort)}`,
          rest: "GET /",
        });
      }),
    );
  });

  it("is the one of the specification, byte by byte", () => {
    const header = proxyHeader({ host: "192.168.0.1", port: 56_324 }, { host: "192.168.0.11", port: 443 });
    expect(header.toString("hex")).toBe("0d0a0d0a000d0a515549540a2111000cc0a80001c0a8000bdc0401bb");
    const six = proxyHeader({ host: "2001:db8::1", port: 1 }, { host: "::1", port: 2 });
    expect([six.length, six.subarray(12, 16).toString("hex")]).toEqual([52, "21210024"]);
  });

  it("calls a client by its own name that came in through a socket for both families", () => {
    const header = proxyHeader({ host: "::ffff:10.0.0.1", port: 1 }, { host: "::ffff:10.0.0.2", port: 2 });
    expect(decodeProxyHeader(header)).toMatchObject({
      family: "IPv4",
      source: "10.0.0.1 1",
      destination: "10.0.0.2 2",
    });
    const local = proxyHeader({ host: "fe80::1%eth0", port: 1 }, { host: "fe80::2%eth0", port: 2 });
    expect(decodeProxyHeader(local)).toMatchObject({ family: "IPv6", source: "fe80::1 1" });
  });
});
