import { describe, expect, it } from "vitest";
import { lockRecord, newUnlockKey, parseUnlockKey, unlockRecord } from "./unlock-key.ts";

describe("an unlock key", () => {
  it("has Docker's form, and is read back", () => {
    const key = newUnlockKey();
    expect(key).toMatch(/^SWMKEY-1-[A-Za-z0-9+/]{43}$/);
    expect(parseUnlockKey(key)).toBe(key);
    expect(newUnlockKey()).not.toBe(key);
  });

  it.each([
    "",
    "SWMKEY-1-",
    "SWMKEY-1-nope",
    `SWMKEY-2-${"A".repeat(43)}`,
    `SWMKEY-1-${"A".repeat(42)}B=`,
    "A".repeat(43),
  ])("is not %j", (text) => expect(() => parseUnlockKey(text)).toThrow("invalid key: an unlock key is"));

  it("opens what it has sealed, in its place", () => {
    const [key, other] = [newUnlockKey(), newUnlockKey()];
    const sealed = lockRecord({ a: [1] }, key, "c/n");
    expect(unlockRecord(sealed, key, "c/n")).toEqual({ a: [1] });
    expect(unlockRecord(sealed, other, "c/n")).toBeUndefined();
    expect(unlockRecord(sealed, key, "c/m")).toBeUndefined();
    expect(unlockRecord(`${sealed.slice(0, -8)}AAAAAAA=`, key, "c/n")).toBeUndefined();
  });
});
