import { expect, it } from "vitest";
import { shapeProblem } from "./json-shape.ts";

const nested = (depth: number): unknown => JSON.parse('{"a":['.repeat(depth / 2) + "1" + "]}".repeat(depth / 2));

it("takes what Docker's objects look like, and nothing that would fill the stack", () => {
  expect(shapeProblem(nested(60))).toBeUndefined();
  expect(shapeProblem({ a: [{ b: null }, "c", 1] })).toBeUndefined();
  expect(shapeProblem(nested(70))).toBe("it is nested deeper than 64 levels");
  expect(shapeProblem(nested(200_000))).toBe("it is nested deeper than 64 levels");
});

it("refuses a field that would be lost as soon as it is copied", () => {
  expect(shapeProblem(JSON.parse('{"Labels":[{"__proto__":"x"}]}'))).toBe("it has a field __proto__");
});
