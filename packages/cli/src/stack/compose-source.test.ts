import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readFile } from "./compose-source.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murmur-source-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a file that a user names", () => {
  it("is read whole", () => {
    const path = join(folder, "compose.yaml");
    for (const text of ["", "services: {}\n", "x".repeat(300_000)]) {
      writeFileSync(path, text);
      expect(Buffer.from(readFile(path)).toString()).toBe(text);
    }
  });

  it("is not read to its end when it has none", () => {
    expect(() => readFile("/dev/zero")).toThrow("can't read /dev/zero: it has more than 8388608 bytes");
  });

  it("is named with the reason when it can't be read", () => {
    expect(() => readFile(join(folder, "none.yaml"))).toThrow(`can't read ${join(folder, "none.yaml")}: `);
    expect(() => readFile(folder)).toThrow(`can't read ${folder}: `);
  });
});
