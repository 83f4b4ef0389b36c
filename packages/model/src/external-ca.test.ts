import { expect, it } from "vitest";
import { isSameExternalCas, type ExternalCa } from "./external-ca.ts";

const CA: ExternalCa = {
  protocol: "cfssl",
  url: "https://one.test/sign",
  options: { a: "1", b: "2" },
  caPem: "AB\nCD",
};
const OTHER: ExternalCa = { protocol: "cfssl", url: "https://two.test/sign" };

it.each<[string, readonly ExternalCa[] | undefined, readonly ExternalCa[] | undefined]>([
  ["none and none named", undefined, []],
  ["options in another order", [CA, OTHER], [{ ...CA, options: { b: "2", a: "1" } }, OTHER]],
  ["no options and empty ones", [OTHER], [{ ...OTHER, options: {} }]],
  ["a root whose lines are broken otherwise", [CA], [{ ...CA, caPem: "A\nBCD\n" }]],
])("external CAs are the same with %s", (_what, left, right) => {
  expect(isSameExternalCas(left, right)).toBe(true);
  expect(isSameExternalCas(right, left)).toBe(true);
});

it.each<[string, readonly ExternalCa[] | undefined, readonly ExternalCa[] | undefined]>([
  ["one more", [CA], [CA, OTHER]],
  ["one where there was none", undefined, [OTHER]],
  ["another order", [CA, OTHER], [OTHER, CA]],
  ["another address", [CA], [{ ...CA, url: OTHER.url }]],
  ["another root", [CA], [{ ...CA, caPem: "ABCE" }]],
  ["a root that was not named", [OTHER], [{ ...OTHER, caPem: "ABCD" }]],
  ["another option", [CA], [{ ...CA, options: { a: "1", c: "2" } }]],
  ["another value of an option", [CA], [{ ...CA, options: { a: "1", b: "3" } }]],
  ["an option less", [CA], [{ ...CA, options: { a: "1" } }]],
])("external CAs differ with %s", (_what, left, right) => {
  expect(isSameExternalCas(left, right)).toBe(false);
  expect(isSameExternalCas(right, left)).toBe(false);
});
