import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GossipKeyRing, newGossipKey, parseGossipKey, SEAL_OVERHEAD_BYTES } from "./gossip-keys.ts";

const ring = new GossipKeyRing([newGossipKey()]);
const bytes = fc.uint8Array({ maxLength: 1400 });

describe("GossipKeyRing", () => {
  it("opens what it sealed, 30 bytes longer", () => {
    fc.assert(
      fc.property(bytes, bytes, (plain, context) => {
        const sealed = ring.seal(plain, context);
        expect(sealed.length).toBe(plain.length + SEAL_OVERHEAD_BYTES);
        expect(ring.open(sealed, context)).toEqual(Buffer.from(plain));
      }),
    );
    expect(SEAL_OVERHEAD_BYTES).toBe(30);
  });

  it("opens nothing in which a bit was changed", () => {
    fc.assert(
      fc.property(bytes, fc.nat(), (plain, position) => {
        const sealed = ring.seal(plain);
        const bit = position % (sealed.length * 8);
        sealed.writeUInt8(sealed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(ring.open(sealed)).toBeUndefined();
      }),
    );
  });

  it("opens nothing that was cut, lengthened, made up or sealed for another context", () => {
    fc.assert(
      fc.property(bytes, fc.nat(), (plain, position) => {
        const sealed = ring.seal(plain);
        expect(ring.open(sealed.subarray(0, position % sealed.length))).toBeUndefined();
        expect(ring.open(Buffer.concat([sealed, Buffer.from([0])]))).toBeUndefined();
        expect(ring.open(plain)).toBeUndefined();
        expect(ring.open(sealed, new Uint8Array([1]))).toBeUndefined();
      }),
    );
  });

  it("opens with any of its keys and seals with the first: a rotation loses nothing", () => {
    const [older, newer] = [newGossipKey(), newGossipKey()];
    const [before, added, switched, after] = [[older], [older, newer], [newer, older], [newer]].map(
      (keys) => new GossipKeyRing(keys),
    );
    const plain = Buffer.from("ping");
    for (const [sender, receiver] of [
      [before, added],
      [added, before],
      [added, switched],
      [switched, added],
      [switched, after],
      [after, switched],
    ])
      expect(receiver?.open(sender?.seal(plain) ?? plain)).toEqual(plain);
    expect(after?.open(before?.seal(plain) ?? plain)).toBeUndefined();
  });

  it("tries each of two keys with the same hint", () => {
    const hintOf = (key: ReturnType<typeof newGossipKey>): number =>
      new GossipKeyRing([key]).seal(Buffer.alloc(0))[1] ?? -1;
    const first = newGossipKey();
    let second = newGossipKey();
    while (hintOf(second) !== hintOf(first)) second = newGossipKey();
    const both = new GossipKeyRing([first, second]);
    const sealed = new GossipKeyRing([second]).seal(Buffer.from("x"));
    expect(both.open(sealed)).toEqual(Buffer.from("x"));
  });

  it("never uses a nonce twice in a row of many", () => {
    const nonces = Array.from({ length: 1000 }, () => ring.seal(Buffer.alloc(0)).subarray(2, 14).toString("hex"));
    expect(new Set(nonces).size).toBe(1000);
  });

  it("needs one to eight keys", () => {
    expect(() => new GossipKeyRing([])).toThrow();
    expect(() => new GossipKeyRing(Array.from({ length: 9 }, newGossipKey))).toThrow();
  });
});

describe("parseGossipKey", () => {
  it("takes keys and nothing else", () => {
    const key = newGossipKey();
    expect(parseGossipKey(key)).toBe(key);
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseGossipKey(text)).toThrow("gossip key");
      }),
    );
  });
});
