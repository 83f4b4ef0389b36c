import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONSTRAINT_KEYS, formatConstraint, parseConstraint } from "./constraint.ts";

describe("a constraint", () => {
  it.each([
    ["node.labels.zone==east", { key: "node.labels.zone", operator: "==", value: "east" }],
    [" node.hostname != my host ", { key: "node.hostname", operator: "!=", value: "my host" }],
    ["Node.Platform.OS==linux", { key: "node.platform.os", operator: "==", value: "linux" }],
    ["NODE.LABELS.Zone==a", { key: "node.labels.Zone", operator: "==", value: "a" }],
    ["engine.labels.disk==a!=b", { key: "engine.labels.disk", operator: "==", value: "a!=b" }],
    ["node.ip==10.0.0.0/8", { key: "node.ip", operator: "==", value: "10.0.0.0/8" }],
  ])("%j is read", (line, parsed) => {
    expect(parseConstraint(line)).toEqual(parsed);
  });

  it.each([
    "",
    "node.id",
    "node.id=a",
    "==a",
    "node.id==",
    "node.color==red",
    "node.labels.==a",
    "node.labels.a b==c",
    "node.id==a\nb",
  ])("%j is refused, in one line", (line) => {
    const parsed = parseConstraint(line);
    expect(parsed).toHaveProperty("problem");
    expect("problem" in parsed && parsed.problem).toMatch(/^constraint [^\n]*$/);
  });

  it("comes back from its text form", () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9._/-]{1,20}$/).map((name) => `node.labels.${name}`);
    const key = fc.oneof(fc.constantFrom(...CONSTRAINT_KEYS), label);
    const value = fc.stringMatching(/^[^\s\p{C}]([ -~]{0,20}[^\s\p{C}])?$/u);
    fc.assert(
      fc.property(key, fc.constantFrom("==" as const, "!=" as const), value, (key, operator, value) => {
        const constraint = { key, operator, value };
        expect(parseConstraint(formatConstraint(constraint))).toEqual(constraint);
      }),
    );
  });

  it("takes any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (line) => void parseConstraint(line)));
  });
});
