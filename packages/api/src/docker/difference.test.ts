import * as fc from "fast-check";
import { expect, it } from "vitest";
import { differences } from "./difference.ts";

it("names each field that differs, and each entry of a list that comes or goes", () => {
  const before = {
    Name: "web",
    Labels: { "com.example.tier": "a" },
    TaskTemplate: { ContainerSpec: { Image: "web:1", Env: ["A=1", "B=2"], Args: ["x", "y"] } },
    Mode: { Replicated: { Replicas: 2 } },
  };
  const after = {
    Name: "web",
    Labels: { "com.example.tier": "b", owner: "me" },
    TaskTemplate: { ContainerSpec: { Image: "web:2", Env: ["B=2", "C=3"], Args: ["y", "x"] } },
    Mode: { Replicated: { Replicas: 2 } },
    EndpointSpec: { Mode: "vip" },
  };
  expect(differences(before, after)).toEqual([
    { field: 'Labels["com.example.tier"]', before: "a", after: "b" },
    { field: "Labels.owner", after: "me" },
    { field: "TaskTemplate.ContainerSpec.Image", before: "web:1", after: "web:2" },
    { field: "TaskTemplate.ContainerSpec.Env[]", before: "A=1" },
    { field: "TaskTemplate.ContainerSpec.Env[]", after: "C=3" },
    { field: "TaskTemplate.ContainerSpec.Args", before: ["x", "y"], after: ["y", "x"] },
    { field: "EndpointSpec.Mode", after: "vip" },
  ]);
});

it("shows all of what is made, and a mode without fields too", () => {
  expect(differences(undefined, { Name: "web", Mode: { Global: {} }, Tags: ["a"] })).toEqual([
    { field: "Name", after: "web" },
    { field: "Mode.Global", after: {} },
    { field: "Tags[]", after: "a" },
  ]);
});

it("tells an order of entries from another one", () => {
  expect(differences({ Env: ["A", "B"] }, { Env: ["B", "A"] })).toEqual([
    { field: "Env", before: ["A", "B"], after: ["B", "A"] },
  ]);
});

const json = fc.jsonValue({ maxDepth: 4, noUnicodeString: false });
const objects = fc.dictionary(fc.oneof(fc.constantFrom("Args", "Env", "a.b", "__proto__x"), fc.string()), json);

it("finds nothing between equals, something between others, and the reverse the other way round", () => {
  fc.assert(
    fc.property(objects, objects, (left, right) => {
      expect(differences(left, structuredClone(left))).toEqual([]);
      const there = differences(left, right);
      const isSame = JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
      expect(there.length === 0).toBe(isSame);
      const turned = differences(right, left).map(({ field, ...sides }) =>
        JSON.stringify([field, "before" in sides ? sides.before : "none", "after" in sides ? sides.after : "none"]),
      );
      const expected = there.map(({ field, ...sides }) =>
        JSON.stringify([field, "after" in sides ? sides.after : "none", "before" in sides ? sides.before : "none"]),
      );
      expect(turned.toSorted()).toEqual(expected.toSorted());
    }),
  );
});

/** The same value with the fields of every object in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
