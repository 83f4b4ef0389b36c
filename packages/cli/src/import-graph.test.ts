import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, it } from "vitest";

/*
 * A command pays for what it loads at its start. The bundle keeps a part that is imported lazily unloaded, so that no
 * module here may import the readers of applications, and with them the YAML parser, in any other way.
 */

const LAZY = ["@murmur/compose", "@murmur/kubernetes", "yaml"];

/** What a module loads when it is imported: its imports that stay after the types are stripped. */
function loadedBy(file: string): readonly string[] {
  const code = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const statements = code.matchAll(/^(?:import|export)\s+(?!type\b)([^;]*?)\bfrom\s+"([^"]+)"/gm);
  return [...statements].map((match) => match[2] ?? "");
}

const root = import.meta.dirname;
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.includes("testing/"))
  .map((name) => join(root, name));

it("imports the readers of applications lazily only", () => {
  const eager = files.filter((file) => loadedBy(file).some((name) => LAZY.includes(name)));
  expect(eager.map((file) => relative(root, file))).toEqual([]);
});

it("finds what is imported eagerly and lazily, so that the test above can fail", () => {
  const source = join(root, "stack/application-source.ts");
  expect(loadedBy(source).map((name) => resolve(dirname(source), name))).toContain(
    join(root, "stack/compose-source.ts"),
  );
  for (const name of LAZY.slice(0, 2)) expect(readFileSync(source, "utf8")).toContain(`await import("${name}")`);
});
