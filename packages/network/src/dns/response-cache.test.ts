import { expect, it } from "vitest";
import { ResponseCache } from "./response-cache.ts";

/** A message that is nothing but a time to live. */
const kept = (ttlS: number, bytes = 16): readonly [Buffer, Parameters<ResponseCache["put"]>[2]["response"]] => {
  const message = Buffer.alloc(bytes);
  message.writeUInt32BE(ttlS, 12);
  return [message, { rcode: 0, isCut: false, hasQuestion: true, ttlOffsets: [12], keepS: ttlS }];
};
function put(cache: ResponseCache, key: string, ttlS: number, bytes?: number): void {
  const [message, response] = kept(ttlS, bytes);
  cache.put(key, message, { response, now: 0 });
}

it("gives what it has until its time is over, with the time that is left", () => {
  const cache = new ResponseCache();
  put(cache, "x", 10);
  expect(cache.get("x", 0)?.readUInt32BE(12)).toBe(10);
  expect(cache.get("x", 3_999)?.readUInt32BE(12)).toBe(7);
  expect(cache.get("x", 9_999)?.readUInt32BE(12)).toBe(1);
  expect(cache.get("x", 10_000)).toBeUndefined();
  expect(cache.size).toBe(0);
});

it("gives copies", () => {
  const cache = new ResponseCache();
  put(cache, "x", 10);
  cache.get("x", 0)?.fill(0xff);
  expect(cache.get("x", 0)?.readUInt32BE(12)).toBe(10);
});

it("keeps nothing that may not be kept", () => {
  const cache = new ResponseCache();
  put(cache, "x", 0);
  expect(cache.size).toBe(0);
});

it("has room for so much, and lets go what was not asked for longest", () => {
  const cache = new ResponseCache();
  for (let index = 0; index < 120; index += 1) put(cache, String(index), 10, 65_000);
  expect(cache.size).toBe(120);
  cache.get("0", 0);
  for (let index = 0; index < 100; index += 1) put(cache, "large", 10, 65_000);
  for (let index = 0; index < 10; index += 1) put(cache, `further-${String(index)}`, 10, 65_000);
  expect(cache.size).toBe(128);
  expect(cache.get("0", 0)).toBeDefined();
  expect(cache.get("1", 0)).toBeUndefined();
});
