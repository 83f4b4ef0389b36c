import { describe, expect, it } from "vitest";
import { Filters } from "./filters.ts";

const accepted = ["name", "label", "role"];

describe("list filters", () => {
  it.each([
    ["nothing", undefined],
    ["an empty text", ""],
    ["an empty object", "{}"],
    ["empty lists", '{"name":[]}'],
  ])("let everything through: %s", (_, text) => {
    const filters = Filters.parse(text, accepted);
    expect(filters.beginsWith("name", "web")).toBe(true);
    expect(filters.hasLabels("label", {})).toBe(true);
  });

  it.each([['{"name":["we"]}'], ['{"name":{"we":true}}'], ['{"name":["WE","db"]}']])("read both forms: %s", (text) => {
    const filters = Filters.parse(text, accepted);
    expect(filters.beginsWith("name", "web")).toBe(true);
    expect(filters.beginsWith("name", "cache")).toBe(false);
  });

  it("want all labels, with the value where one is given", () => {
    const filters = Filters.parse('{"label":["tier=front","team"]}', accepted);
    expect(filters.hasLabels("label", { tier: "front", team: "x" })).toBe(true);
    expect(filters.hasLabels("label", { tier: "back", team: "x" })).toBe(false);
    expect(filters.hasLabels("label", { tier: "front" })).toBe(false);
  });

  it("don't take an object's own methods for labels", () => {
    expect(Filters.parse('{"label":["toString"]}', accepted).hasLabels("label", {})).toBe(false);
  });

  it.each([
    ["an unknown name", '{"nope":["x"]}', "invalid filter 'nope'"],
    ["no JSON", "{", "invalid filter"],
    ["a list", "[]", "invalid filter"],
    ["a number", '{"name":1}', "invalid filter"],
    ["a list of numbers", '{"name":[1]}', "invalid filter"],
  ])("are refused: %s", (_, text, message) => {
    expect(() => Filters.parse(text, accepted)).toThrow(message);
  });

  it("know their words", () => {
    expect(Filters.parse('{"role":["Manager"]}', accepted).words("role", ["manager", "worker"])).toEqual(["manager"]);
    const wrong = Filters.parse('{"role":["boss"]}', accepted);
    expect(() => wrong.words("role", ["manager", "worker"])).toThrow("Invalid role filter: 'boss'");
  });
});
