import { resolve } from "node:path";
import { referencePages } from "@murmur/cli";
import { format } from "prettier";

const root = resolve(import.meta.dirname, "../..");
export const REFERENCE_FOLDER = resolve(root, "docs/reference");

/** The reference's pages by file name, as they are to lie in docs/reference. */
export async function referenceFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [name, text] of referencePages()) {
    files.set(name, await format(text, { parser: "markdown", printWidth: 120 }));
  }
  return files;
}
