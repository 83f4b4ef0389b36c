import { nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMembership, encodeMembership, membersOf, sortedIds, votersOf, type Membership } from "./membership.ts";

const someIds = fc.array(fc.stringMatching(/^[0-9a-z]{1,8}$/)).map((texts) => sortedIds(texts.map(nodeId)));
const memberships: fc.Arbitrary<Membership> = fc.record({
  voters: someIds,
  votersOutgoing: someIds,
  learners: someIds,
  learnersNext: someIds,
  autoLeave: fc.boolean(),
});

describe("membership", () => {
  it("survives encoding", () => {
    fc.assert(
      fc.property(memberships, (one) => {
        expect(decodeMembership(encodeMembership(one))).toEqual(one);
      }),
    );
  });

  it("throws on bytes that are no membership", () => {
    for (const text of ["", "{}", "[]", "[[],[],[],[],1]", "[[1],[],[],[],true]", "[1,[],[],[],true]"]) {
      const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
      expect(() => decodeMembership(bytes)).toThrow();
    }
  });

  it("lists each member once, sorted", () => {
    const id = nodeId;
    const membership: Membership = {
      voters: [id("b"), id("c")],
      votersOutgoing: [id("a"), id("b")],
      learners: [id("0")],
      learnersNext: [id("a")],
      autoLeave: true,
    };
    expect(votersOf(membership)).toEqual(["a", "b", "c"]);
    expect(membersOf(membership)).toEqual(["0", "a", "b", "c"]);
  });
});
