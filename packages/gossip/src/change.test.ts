import { nodeId } from "@murmur/base";
import { expect, it } from "vitest";
import { changesBetween, type MemberChange } from "./change.ts";
import type { Member, MemberState } from "./member.ts";

const member = (state: MemberState, meta = 0): Member => ({
  id: nodeId("m"),
  address: "m:1",
  meta: new Uint8Array([meta]),
  state,
  incarnation: 1,
  since: 0,
});

it.each<[MemberState | undefined, MemberState, readonly MemberChange[]]>([
  [undefined, "alive", ["joined"]],
  [undefined, "suspect", ["joined", "suspected"]],
  [undefined, "dead", ["dead"]],
  [undefined, "left", ["left"]],
  ["alive", "alive", []],
  ["alive", "suspect", ["suspected"]],
  ["alive", "dead", ["dead"]],
  ["alive", "left", ["left"]],
  ["suspect", "alive", ["alive"]],
  ["suspect", "dead", ["dead"]],
  ["dead", "alive", ["alive"]],
  ["dead", "suspect", ["alive", "suspected"]],
  ["dead", "left", ["left"]],
  ["left", "alive", ["joined"]],
  ["left", "suspect", ["joined", "suspected"]],
])("from %s to %s reports %j", (before, after, changes) => {
  expect(changesBetween(before && member(before), member(after))).toEqual(changes);
});

it("reports a change of what a member says about itself, after its state", () => {
  expect(changesBetween(member("suspect"), member("alive", 1))).toEqual(["alive", "updated"]);
  expect(changesBetween(member("alive"), { ...member("alive"), address: "n:1" })).toEqual(["updated"]);
});
