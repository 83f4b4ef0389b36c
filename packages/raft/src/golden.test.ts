import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { replay } from "./testing/script.ts";

const FOLDER = new URL("../golden/", import.meta.url);
/** `GOLDEN=update npx vitest run packages/raft` writes the traces anew; read the difference before committing it. */
const update = process.env["GOLDEN"] === "update";

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".txt"))) {
  it(`goes as written in ${name}`, () => {
    const file = new URL(name, FOLDER);
    const written = readFileSync(file, "utf8");
    const played = replay(written);
    if (update) writeFileSync(file, played);
    else expect(played).toBe(written);
  });
}
