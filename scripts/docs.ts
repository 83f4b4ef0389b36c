/** Writes docs/reference from the commands themselves. Usage: node scripts/docs.ts */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REFERENCE_FOLDER, referenceFiles } from "./docs/reference-files.ts";

const files = await referenceFiles();
rmSync(REFERENCE_FOLDER, { recursive: true, force: true });
mkdirSync(REFERENCE_FOLDER, { recursive: true });
for (const [name, text] of files) writeFileSync(join(REFERENCE_FOLDER, name), text);
console.log(`docs/reference: ${String(files.size)} pages`);
