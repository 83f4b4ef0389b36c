import { assert as check, nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isJoint, membershipOf, votersOf, type Membership } from "./membership.ts";
import { changeOf, type MembershipChange, type MemberStep } from "./membership-change.ts";

const LETTERS = ["a", "b", "c", "d", "e", "f"];

const step = (text: string): MemberStep => {
  const kind = text.startsWith("+") ? "addVoter" : text.startsWith("~") ? "addLearner" : "remove";
  return { kind, node: nodeId(text.slice(1)) };
};
const change = (text: string, transition: "auto" | "joint" | "jointExplicit" = "auto"): MembershipChange => ({
  kind: "change",
  steps: text.split(" ").map(step),
  transition,
});
const of = (voters: string, learners = ""): Membership =>
  membershipOf(voters.split("").map(nodeId), learners.split("").map(nodeId));

function changed(from: Membership, by: MembershipChange): Membership {
  const result = changeOf(from, by);
  check(result.kind === "changed", "the change is valid");
  return result.membership;
}

describe("a change of the membership", () => {
  it("is made in one step when one voter changes", () => {
    expect(changed(of("abc"), change("+d ~e"))).toEqual(of("abcd", "e"));
    expect(changed(of("abc", "d"), change("+d"))).toEqual(of("abcd"));
    expect(changed(of("abc"), change("~c"))).toEqual(of("ab", "c"));
  });

  it("goes through a joint phase when more change, or when asked to", () => {
    const joint = changed(of("abc"), change("+d -a"));
    expect(joint).toEqual({ ...of("bcd"), votersOutgoing: ["a", "b", "c"], autoLeave: true });
    expect(changed(joint, { kind: "leaveJoint" })).toEqual(of("bcd"));
    expect(changed(of("abc"), change("+d", "jointExplicit"))).toMatchObject({
      autoLeave: false,
      votersOutgoing: ["a", "b", "c"],
    });
  });

  it("keeps a demoted voter's vote until the joint phase ends", () => {
    const joint = changed(of("abc"), change("~a +d"));
    expect(joint).toMatchObject({ learners: [], learnersNext: ["a"] });
    expect(changed(joint, { kind: "leaveJoint" })).toEqual(of("bcd", "a"));
  });

  it.each([
    ["nothing to leave", of("abc"), { kind: "leaveJoint" }],
    ["no voters", of("a"), change("-a")],
    ["a node twice", of("abc"), change("+d -d")],
    ["a joint phase", changed(of("abc"), change("+d -a")), change("+e")],
    ["no steps", of("abc"), { kind: "change", steps: [], transition: "auto" }],
  ] as const)("is refused: %s", (_, from, by) => {
    expect(changeOf(from, by).kind).toBe("invalid");
  });

  it("never lets two memberships in a row decide without a common voter", () => {
    const steps = fc
      .uniqueArray(fc.constantFrom(...LETTERS), { minLength: 1, maxLength: 4 })
      .chain((nodes) =>
        fc.tuple(...nodes.map((node) => fc.constantFrom("+", "~", "-").map((mark) => step(mark + node)))),
      );
    const property = fc.property(fc.subarray(LETTERS, { minLength: 1 }), steps, (voters, some) => {
      const from = of(voters.join(""));
      const result = changeOf(from, { kind: "change", steps: some, transition: "auto" });
      if (result.kind === "invalid") return;
      const next = result.membership;
      expect(next.learners.filter((id) => votersOf(next).includes(id))).toEqual([]);
      if (isJoint(next)) expect(next.votersOutgoing).toEqual(from.voters);
      else expect(new Set(from.voters).symmetricDifference(new Set(next.voters)).size).toBeLessThanOrEqual(1);
    });
    fc.assert(property);
  });
});
