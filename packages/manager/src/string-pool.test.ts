import { anything, assert, constantFrom, dictionary, oneof, property, string, array } from "fast-check";
import { expect, it } from "vitest";
import { StringPool } from "./string-pool.ts";

const text = oneof(constantFrom("running", "healthy", "", "n".repeat(25), "x".repeat(65)), string());
const tree = oneof(anything(), array(dictionary(text, oneof(text, array(text), dictionary(text, text)))));

it("changes nothing that can be seen", () => {
  assert(
    property(array(tree), (trees) => {
      const pool = new StringPool();
      for (const value of trees) {
        const before = structuredClone(value);
        pool.share(value);
        expect(value).toEqual(before);
      }
    }),
  );
});

it("is not led astray by what comes after a generation is full", () => {
  const pool = new StringPool();
  for (let round = 0; round < 3; round += 1) {
    const values = Array.from({ length: 20_000 }, (_, at) => ({ id: `task-${String(at)}`, state: "running" }));
    pool.share(values);
    expect(values.every(({ id, state }, at) => id === `task-${String(at)}` && state === "running")).toBe(true);
  }
});

it("leaves bytes as they are", () => {
  const command = { kind: "put", data: new Uint8Array([1, 2, 3]) };
  new StringPool().share(command);
  expect(command).toEqual({ kind: "put", data: new Uint8Array([1, 2, 3]) });
});
