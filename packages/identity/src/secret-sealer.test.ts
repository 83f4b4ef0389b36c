import { describe, expect, it } from "vitest";
import { newSealKey, parseSealKey, SecretSealer } from "./secret-sealer.ts";

const PLAIN = new TextEncoder().encode("hunter2");
const clear = (bytes: Buffer | undefined): string | undefined => bytes?.toString();

describe("sealed secrets", () => {
  it("open with the key that sealed them, for what they were sealed for", () => {
    const key = newSealKey();
    const sealed = new SecretSealer([key]).seal(PLAIN, "secret/c/s");
    expect(sealed).toMatch(/^[A-Za-z0-9+/]+=*$/);
    expect(Buffer.from(sealed, "base64").includes("hunter2")).toBe(false);
    expect(clear(new SecretSealer([newSealKey(), key]).open(sealed, "secret/c/s"))).toBe("hunter2");
    expect(new SecretSealer([newSealKey()]).open(sealed, "secret/c/s")).toBeUndefined();
    expect(new SecretSealer([key]).open(sealed, "secret/c/other")).toBeUndefined();
    expect(new SecretSealer([key]).open(sealed.slice(0, -8), "secret/c/s")).toBeUndefined();
  });

  it("of the same content differ", () => {
    const sealer = new SecretSealer([newSealKey()]);
    expect(sealer.seal(PLAIN, "x")).not.toBe(sealer.seal(PLAIN, "x"));
  });

  it("have keys of one form", () => {
    expect(parseSealKey(newSealKey())).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(() => parseSealKey("none")).toThrow("a secrets key is 43 letters");
  });
});
