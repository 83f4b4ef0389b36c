import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { replay } from "./testing/script.ts";

const FOLDER = new URL("../golden/", import.meta.url);
/** `GOLDEN=update npx vitest run packages/raft` writes the traces anew; read the difference before committing it. */
const update = process.env["GOLDEN"] === "update";

const NAMES = readdirSync(FOLDER).filter((file) => file.endsWith(".txt"));

for (const name of NAMES) {
  it(`goes as written in ${name}`, () => {
    const file = new URL(name, FOLDER);
    const written = readFileSync(file, "utf8");
    const played = replay(written);
    if (update) writeFileSync(file, played);
    else expect(played).toBe(written);
  });
}

it("is named in the table of the README, and every name there is a trace", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const rows = readme.split("\n## What there is\n")[1]?.split("\n## ")[0]?.split("\n") ?? [];
  const cells = rows.slice(3).flatMap((row) => row.split("|")[3]?.split(";")[0] ?? []);
  const patterns = cells.flatMap((cell) => cell.match(/[a-z*-]{2,}/g)?.filter((name) => !/^-+$/.test(name)) ?? []);
  const fits = (name: string, pattern: string): boolean => {
    const bare = name.replace(".txt", "");
    return pattern.endsWith("*") ? bare.startsWith(pattern.slice(0, -1)) : bare === pattern;
  };
  expect(NAMES.filter((name) => !patterns.some((pattern) => fits(name, pattern)))).toEqual([]);
  expect(patterns.filter((pattern) => !NAMES.some((name) => fits(name, pattern)))).toEqual([]);
});
