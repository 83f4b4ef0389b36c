import { nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeExchange,
  encodeExchange,
  exchangeHeaderBytes,
  publicationBytes,
  snapshotBytes,
} from "./exchange-codec.ts";
import { arbitraryExchange } from "./testing/arbitraries.ts";

describe("exchange codec", () => {
  it("decodes what it encoded, and is not longer than was computed", () => {
    fc.assert(
      fc.property(arbitraryExchange, (exchange) => {
        const bytes = encodeExchange(exchange);
        expect(decodeExchange(bytes)).toEqual(exchange);
        let size = exchangeHeaderBytes(exchange);
        for (const member of exchange.members) size += snapshotBytes(member);
        for (const publication of exchange.publications) size += publicationBytes(publication);
        expect(bytes.length).toBeLessThanOrEqual(size);
      }),
    );
  });

  it("never throws, whatever arrives, and takes only what it would have sent itself", () => {
    const damaged = fc.tuple(arbitraryExchange, fc.nat(), fc.nat({ max: 255 })).map(([exchange, place, value]) => {
      const encoded = encodeExchange(exchange);
      encoded[place % encoded.length] = value;
      return encoded;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 500 }), damaged), (input) => {
        const exchange = decodeExchange(input);
        if (exchange !== undefined) expect(encodeExchange(exchange)).toEqual(input);
      }),
      { numRuns: 1_000 },
    );
  });

  it("believes no count of members that the message cannot hold", () => {
    const address = "a:1";
    const empty = { kind: "request", from: nodeId("a"), address, joining: false, last: true } as const;
    const bytes = encodeExchange({ ...empty, members: [], publications: [] });
    const many = new Uint8Array([...bytes.subarray(0, -1), 0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(decodeExchange(many)).toBeUndefined();
  });
});
