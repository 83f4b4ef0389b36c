/** Docker's own objects are some ten levels deep; what reads them further in would only fill the stack. */
const DEPTH_MAX = 64;

/** Why a JSON value is none that is read further; undefined: it may be. Takes no room on the stack, whatever it is given. */
export function shapeProblem(value: unknown): string | undefined {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEPTH_MAX) return `it is nested deeper than ${String(DEPTH_MAX)} levels`;
    const inner: unknown[] = [];
    for (const one of level) {
      if (typeof one !== "object" || one === null) continue;
      // Copied into another object it would be no field of it.
      if (Object.hasOwn(one, "__proto__")) return "it has a field __proto__";
      for (const field of Object.values(one)) if (typeof field === "object" && field !== null) inner.push(field);
    }
    level = inner;
  }
  return undefined;
}
