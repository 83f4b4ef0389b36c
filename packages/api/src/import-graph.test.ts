import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, it } from "vitest";

/** What a module loads when it is imported: its imports that stay after the types are stripped. */
function loadedBy(file: string): string[] {
  const code = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const statements = code.matchAll(/^(?:import|export)\s+(?!type\b)([^;]*?)\bfrom\s+"([^"]+)"/gm);
  return [...statements].map((match) => match[2] ?? "");
}

function everythingLoadedBy(entry: string): Set<string> {
  const seen = new Set<string>();
  const outside = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const specifier of loadedBy(file)) {
      if (specifier.startsWith(".")) visit(resolve(dirname(file), specifier));
      else outside.add(specifier);
    }
  };
  visit(entry);
  expect([...seen].every((file) => existsSync(file))).toBe(true);
  return outside;
}

it("loads neither hono nor zod nor the store for those who only want the client", () => {
  const loaded = everythingLoadedBy(join(import.meta.dirname, "index.ts"));
  expect([...loaded].filter((name) => !name.startsWith("node:")).toSorted()).toEqual(["@murmur/base"]);
});

it("finds them where they are loaded, so that the test above can fail", () => {
  const loaded = everythingLoadedBy(join(import.meta.dirname, "app.ts"));
  expect([...loaded]).toEqual(expect.arrayContaining(["hono", "zod"]));
});
