import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULTED_PARTS } from "./defaulted-part.ts";
import { isByDefault } from "./is-by-default.ts";
import type { ServiceSpec } from "./service-spec.ts";
import { plainService as spec } from "./testing/plain-service.ts";

/** What stands at `path`, in a copy, is what `change` makes of it. */
function changed(path: readonly string[], change: (value: unknown) => unknown, of: unknown = spec): unknown {
  const [field, ...rest] = path;
  if (field === undefined) return change(of);
  const fields = of as Readonly<Record<string, unknown>>;
  return { ...fields, [field]: changed(rest, change, fields[field]) };
}

/** Every way to something that is no object, below a value. */
function leaves(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([field, below]) => leaves(below, [...path, field]));
}

const part = fc.constantFrom(...DEFAULTED_PARTS);
const at = (path: string): unknown =>
  path.split(".").reduce<unknown>((value, field) => (value as Readonly<Record<string, unknown>>)[field], spec);

describe("a part of a spec", () => {
  it.each([...DEFAULTED_PARTS])("%s is by default what is stored for nothing said", (name) => {
    expect(isByDefault(spec, name)).toBe(true);
  });

  it("is no longer when any of its fields is another, or gone, or one more is there", () => {
    fc.assert(
      fc.property(
        part,
        fc.nat(),
        fc.constantFrom("other", 17.5, null, ["x"], { x: 1 }, undefined),
        (name, pick, other) => {
          const inPart = leaves(at(name), name.split("."));
          const path = inPart[pick % inPart.length] ?? [];
          expect(isByDefault(changed(path, () => other) as ServiceSpec, name)).toBe(false);
          const isObject = typeof at(name) === "object";
          if (!isObject || other === undefined) return;
          const more = changed(name.split("."), (fields) => ({ ...(fields as object), more: other }));
          expect(isByDefault(more as ServiceSpec, name)).toBe(false);
        },
      ),
    );
  });

  it("is the same in another order, with fields that are undefined, and with any strategy", () => {
    const turned = (value: unknown): unknown =>
      typeof value !== "object" || value === null || Array.isArray(value)
        ? value
        : Object.fromEntries([
            ["nothing", undefined],
            ...Object.entries(value)
              .map(([field, below]) => [field, turned(below)] as const)
              .toReversed(),
          ]);
    for (const name of DEFAULTED_PARTS) expect(isByDefault(turned(spec) as ServiceSpec, name)).toBe(true);
    const packed = changed(["task", "placement", "strategy"], () => "binpack") as ServiceSpec;
    expect(isByDefault(packed, "task.placement")).toBe(true);
  });
});
