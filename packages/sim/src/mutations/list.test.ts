import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MUTATIONS } from "./list.ts";
import { changed, type SourceChange } from "./mutation.ts";

const ROOT = join(import.meta.dirname, "../../../..");

/** The source of each file with all changes of one mutation. */
function mutatedSources(changes: readonly SourceChange[]): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const change of changes)
    sources.set(
      change.file,
      changed(change, sources.get(change.file) ?? readFileSync(join(ROOT, change.file), "utf8")),
    );
  return sources;
}

describe("the known defects", () => {
  it("are at least as many as are known, each under a name of its own", () => {
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(28);
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
  });

  it.each(MUTATIONS)(
    "$name: what is replaced stands in the source once, and what comes of it is TypeScript",
    (mutation) => {
      expect(mutation.changes.length).toBeGreaterThan(0);
      const sources = mutatedSources([...(mutation.setting ?? []), ...mutation.changes]);
      for (const [file, source] of sources) {
        expect(source).not.toBe(readFileSync(join(ROOT, file), "utf8"));
        expect(() => stripTypeScriptTypes(source)).not.toThrow();
      }
    },
  );

  it("are not put in where their place is gone or not the only one", () => {
    const change = { file: "a.ts", original: "one", mutant: "two" };
    expect(changed(change, "only one here")).toBe("only two here");
    expect(() => changed(change, "none")).not.toThrow();
    expect(() => changed(change, "nothing")).toThrow("a.ts: this stands there 0 times instead of once: one");
    expect(() => changed(change, "one and one")).toThrow("2 times");
  });
});
