import { nodeId, type NodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NO_MEMBERSHIP, type Membership } from "./membership.ts";
import { majority, quorumValue, voteResult } from "./quorum.ts";

const ids = (text: string): NodeId[] => text.split("").map(nodeId);
const joint = (voters: string, outgoing: string): Membership => ({
  ...NO_MEMBERSHIP,
  voters: ids(voters),
  votersOutgoing: ids(outgoing),
});
const half = fc.subarray(["a", "b", "c", "d", "e", "f", "g"]).map((letters) => letters.join(""));

describe("quorum", () => {
  it("needs more than half", () => {
    expect([1, 2, 3, 4, 5].map(majority)).toEqual([1, 2, 2, 3, 3]);
  });

  it("takes the value that most voters have reached, in both halves", () => {
    const values: Record<string, number> = { a: 5, b: 3, c: 1, d: 9, e: 9 };
    const valueOf = (id: NodeId): number => values[id] ?? 0;
    expect(quorumValue(joint("abc", ""), valueOf)).toBe(3);
    expect(quorumValue(joint("ade", "abc"), valueOf)).toBe(3);
    expect(quorumValue(joint("", ""), valueOf)).toBe(Infinity);
  });

  it("is the highest value that both halves support, whatever the values", () => {
    const property = fc.property(
      half,
      half,
      fc.array(fc.nat(9), { minLength: 7, maxLength: 7 }),
      (left, right, all) => {
        const valueOf = (id: NodeId): number => all["abcdefg".indexOf(id)] ?? 0;
        const supports = (voters: string, value: number): boolean =>
          voters === "" || ids(voters).filter((id) => valueOf(id) >= value).length * 2 > voters.length;
        const value = quorumValue(joint(left, right), valueOf);
        if (left === "" && right === "") return value === Infinity;
        const next = value + 1;
        return supports(left, value) && supports(right, value) && !(supports(left, next) && supports(right, next));
      },
    );
    fc.assert(property);
  });

  it("wins with both halves, loses with either", () => {
    const votes = (granted: string, refused: string): Map<NodeId, boolean> =>
      new Map([...ids(granted).map((id) => [id, true] as const), ...ids(refused).map((id) => [id, false] as const)]);
    const membership = joint("abc", "cde");
    expect(voteResult(membership, votes("ab", ""))).toBe("pending");
    expect(voteResult(membership, votes("abde", ""))).toBe("won");
    expect(voteResult(membership, votes("ab", "de"))).toBe("lost");
    expect(voteResult(membership, votes("de", "ab"))).toBe("lost");
    expect(voteResult(joint("ab", ""), votes("a", "b"))).toBe("lost");
  });
});
