import { isId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { newId } from "./system-random.ts";

describe("new ids", () => {
  it("have the form of ids, are all different, and use every character, over many pools", () => {
    const ids = new Set(Array.from({ length: 20_000 }, newId));
    expect(ids.size).toBe(20_000);
    for (const id of ids) expect(isId(id)).toBe(true);
    expect(new Set([...ids].join("")).size).toBe(36);
  });
});
