import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constraint, CONSTRAINT_KEYS, formatConstraint, parseConstraint } from "./constraint.ts";

describe("a constraint", () => {
  it.each([
    ["node.labels.zone==east", { key: "node.labels.zone", operator: "==", value: "east" }],
    [" node.hostname != my host ", { key: "node.hostname", operator: "!=", value: "my host" }],
    ["Node.Platform.OS==linux", { key: "node.platform.os", operator: "==", value: "linux" }],
    ["NODE.LABELS.Zone==a", { key: "node.labels.Zone", operator: "==", value: "a" }],
    ["engine.labels.disk==a!=b", { key: "engine.labels.disk", operator: "==", value: "a!=b" }],
    ["node.ip==10.0.0.0/8", { key: "node.ip", operator: "==", value: "10.0.0.0/8" }],
  ])("%j is read", (line, parsed) => {
    const found = parseConstraint(line);
    expect({ ...found, text: undefined }).toEqual({ ...parsed, text: undefined });
    expect("problem" in found ? undefined : formatConstraint(found)).toBe(line);
  });

  it("keeps how the user wrote it, and only when that is not the plain form", () => {
    expect(parseConstraint("node.role==worker")).toEqual({ key: "node.role", operator: "==", value: "worker" });
    const spaced = parseConstraint("Node.Role == worker");
    expect(spaced).toEqual({ key: "node.role", operator: "==", value: "worker", text: "Node.Role == worker" });
    expect("problem" in spaced ? undefined : formatConstraint(spaced)).toBe("Node.Role == worker");
  });

  it.each([
    ["node.role == worker", 0],
    ["node.role==worker", 1],
    ["node.role == manager", 1],
    ["node.role != worker", 1],
    ["no constraint", 1],
  ])("with the text %j has %s problems: its text says what it says", (text, problems) => {
    const found: string[] = [];
    constraint({ key: "node.role", operator: "==", value: "worker", text }, "c", (path) => void found.push(path));
    expect(found).toEqual(Array.from({ length: problems }, () => "c.text"));
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
    `node.id==a${" ".repeat(5_000)}`,
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

  it("that is read passes its own check, and is written as it was", () => {
    const space = fc.stringMatching(/^[ \t]{0,3}$/);
    const line = fc
      .tuple(space, fc.constantFrom("node.role", "NODE.id"), space, fc.constantFrom("==", "!="), space, fc.string())
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(line, (line) => {
        const parsed = parseConstraint(line);
        if ("problem" in parsed) return;
        constraint(parsed, "c", (path, problem) => expect.fail(`${path} ${problem}`));
        expect(formatConstraint(parsed)).toBe(line);
      }),
    );
  });

  it("takes any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (line) => void parseConstraint(line)));
  });
});
