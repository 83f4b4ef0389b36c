import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { web } from "../testing/files.ts";

describe("ports", () => {
  const ip = fc.constantFrom("", "127.0.0.1", "[::1]");
  const range = fc.record({
    host: fc.integer({ min: 1, max: 60_000 }),
    target: fc.integer({ min: 1, max: 60_000 }),
    more: fc.nat(20),
  });
  const protocol = fc.constantFrom("tcp", "udp", "sctp");

  it("a range is one entry for each port", () => {
    fc.assert(
      fc.property(ip, range, protocol, (address, { host, target, more }, protocol) => {
        const short = `${address === "" ? "" : `${address}:`}${host}-${host + more}:${target}-${target + more}/${protocol}`;
        const { ports } = web(`ports: [${JSON.stringify(short)}]`);
        expect(ports).toEqual(
          Array.from({ length: more + 1 }, (_, offset) => ({
            target: target + offset,
            published: host + offset,
            protocol,
            mode: "ingress",
            ...(address === "" ? {} : { hostIp: address.replaceAll(/[[\]]/g, "") }),
          })),
        );
      }),
    );
  });

  it("the long form says the same as the short one, and replaces it", () => {
    const { ports } = web("ports: ['80:8080', { target: 8080, published: '80', mode: host }, 9090]");
    expect(ports).toEqual([
      { target: 8080, published: 80, protocol: "tcp", mode: "host" },
      { target: 9090, protocol: "tcp", mode: "ingress" },
    ]);
  });

  it.each(["0", "65536", "80:0", "a:80", "80-79", "1.2.3.4.5:80:80", "80/icmp", "[::1:80:80", "1:2:3:4", ""])(
    "refuses %s",
    (port) => {
      expect(() => web(`ports: [${JSON.stringify(port)}]`)).toThrowError("services.web.ports[0]");
    },
  );
});
