import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { REFERENCE_FOLDER, referenceFiles } from "./reference-files.ts";

it("lies in docs/reference as the commands say (else: npm run docs)", async () => {
  const files = await referenceFiles();
  expect(readdirSync(REFERENCE_FOLDER).toSorted()).toEqual([...files.keys()].toSorted());
  for (const [name, text] of files) expect(readFileSync(join(REFERENCE_FOLDER, name), "utf8")).toBe(text);
});
