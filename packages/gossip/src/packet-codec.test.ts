import { AssertionError, nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DATAGRAM_BYTES_MAX } from "./limits.ts";
import { decodePacket, encodePacket, headerBytes } from "./packet-codec.ts";
import type { Packet } from "./packet.ts";
import { rumorBytes } from "./rumor-codec.ts";
import { arbitraryPacket } from "./testing/arbitraries.ts";

const size = (packet: Packet): number =>
  packet.rumors.reduce((bytes, rumor) => bytes + rumorBytes(rumor), headerBytes(packet));
const fitting = arbitraryPacket.filter((packet) => size(packet) <= DATAGRAM_BYTES_MAX);

describe("packet codec", () => {
  it("decodes what it encoded, and is as long as was computed", () => {
    fc.assert(
      fc.property(fitting, (packet) => {
        const bytes = encodePacket(packet);
        expect(bytes.length).toBe(size(packet));
        expect(decodePacket(bytes)).toEqual(packet);
      }),
    );
  });

  it("refuses every packet that was cut short or has something behind it", () => {
    fc.assert(
      fc.property(fitting, fc.nat(), (packet, cut) => {
        const bytes = encodePacket({ ...packet, rumors: packet.rumors.slice(0, 1) });
        const header = headerBytes(packet);
        const kept = cut % bytes.length;
        // A cut exactly between the message and the rumour leaves a whole packet.
        if (kept !== header) expect(decodePacket(bytes.subarray(0, kept))).toBeUndefined();
        expect(decodePacket(new Uint8Array([...bytes, 0]))).toBeUndefined();
      }),
    );
  });

  it("never throws, whatever arrives, and takes only what it would have sent itself", () => {
    const damaged = fc.tuple(fitting, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 1_300 }),
      damaged.map(([packet, changes]) => {
        const encoded = encodePacket(packet);
        for (const [place, value] of changes) encoded[place % encoded.length] = value;
        return encoded;
      }),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const packet = decodePacket(input);
        if (packet !== undefined) expect(encodePacket(packet)).toEqual(input);
      }),
      { numRuns: 1_000 },
    );
  });

  it("refuses another version", () => {
    const bytes = encodePacket({ from: nodeId("a"), message: { kind: "gossip" }, rumors: [] });
    bytes[0] = 2;
    expect(decodePacket(bytes)).toBeUndefined();
  });

  it("takes a packet that does not fit a datagram for a bug", () => {
    const rumor = {
      kind: "alive",
      id: nodeId("a"),
      incarnation: 1,
      address: "a:1",
      meta: new Uint8Array(512),
    } as const;
    const packet = { from: nodeId("a"), message: { kind: "gossip" }, rumors: [rumor, rumor, rumor] } as const;
    expect(() => encodePacket(packet)).toThrow(AssertionError);
  });

  it("keeps its format: a ping with an accusation", () => {
    const accusation = { kind: "suspect", id: nodeId("b"), incarnation: 300, from: nodeId("a") } as const;
    const message = { kind: "ping", number: 7, target: nodeId("b") } as const;
    const bytes = encodePacket({ from: nodeId("a"), message, rumors: [accusation] });
    expect([...bytes]).toEqual([1, 1, 97, 1, 0, 0, 0, 7, 1, 98, 2, 1, 98, 0xac, 2, 1, 97]);
  });
});
