import { nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Claim } from "./claim.ts";
import { MEMBER_STATES, merged, viewOf, type MemberRecord } from "./member.ts";

const id = nodeId("subject");
const incarnation = fc.nat({ max: 4 });
const claim: fc.Arbitrary<Claim> = fc.oneof(
  fc.record({
    kind: fc.constant("alive"),
    id: fc.constant(id),
    incarnation,
    address: fc.constantFrom("a:1", "b:1"),
    meta: fc.uint8Array({ maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constantFrom("suspect", "dead"),
    id: fc.constant(id),
    incarnation,
    from: fc.constantFrom("x", "y").map(nodeId),
  }),
  fc.record({ kind: fc.constant("left"), id: fc.constant(id), incarnation }),
);

const mergeAll = (claims: readonly Claim[]): MemberRecord | undefined =>
  claims.reduce<MemberRecord | undefined>((record, next) => merged(record, next, 0), undefined);
const rank = ({ status }: MemberRecord): number => status.incarnation * 4 + MEMBER_STATES.indexOf(status.state);

describe("merging claims", () => {
  it("does not depend on the order of arrival", () => {
    fc.assert(
      fc.property(
        fc
          .array(claim, { maxLength: 8 })
          .chain((claims) => fc.tuple(fc.constant(claims), fc.shuffledSubarray(claims, { minLength: claims.length }))),
        ([claims, shuffled]) => {
          expect(mergeAll(shuffled)).toEqual(mergeAll(claims));
        },
      ),
    );
  });

  it("does not depend on how often a claim arrives", () => {
    fc.assert(
      fc.property(fc.array(claim, { minLength: 1, maxLength: 8 }), (claims) => {
        expect(mergeAll([...claims, ...claims])).toEqual(mergeAll(claims));
        const record = mergeAll(claims);
        for (const old of claims) expect(merged(record, old, 5)).toEqual(record);
      }),
    );
  });

  it("never goes back: incarnations only rise, and of one incarnation the later state stays", () => {
    fc.assert(
      fc.property(fc.array(claim, { maxLength: 8 }), claim, (claims, next) => {
        const before = mergeAll(claims);
        const after = merged(before, next, 0);
        if (before === undefined) return;
        expect(rank(after)).toBeGreaterThanOrEqual(rank(before));
        expect(after.content?.incarnation ?? 0).toBeGreaterThanOrEqual(before.content?.incarnation ?? 0);
      }),
    );
  });

  it("revives the dead only with a higher incarnation", () => {
    const alive = (number: number): Claim => ({
      kind: "alive",
      id,
      incarnation: number,
      address: "a:1",
      meta: new Uint8Array(),
    });
    const dead = mergeAll([alive(3), { kind: "dead", id, incarnation: 3, from: nodeId("x") }]);
    expect(merged(dead, alive(2), 0).status.state).toBe("dead");
    expect(merged(dead, alive(3), 0).status.state).toBe("dead");
    expect(merged(dead, alive(4), 0).status).toEqual({ state: "alive", incarnation: 4 });
  });

  it("learns who a member is although its state is known from a later claim", () => {
    const record = mergeAll([
      { kind: "dead", id, incarnation: 5, from: nodeId("x") },
      { kind: "alive", id, incarnation: 4, address: "a:1", meta: new Uint8Array([1]) },
    ]);
    expect(viewOf(record)).toMatchObject({ state: "dead", incarnation: 5, address: "a:1" });
  });

  it("keeps the time of the last change of state", () => {
    const first = merged(undefined, { kind: "dead", id, incarnation: 1, from: nodeId("x") }, 10);
    expect(merged(first, { kind: "dead", id, incarnation: 2, from: nodeId("x") }, 20).since).toBe(10);
    expect(merged(first, { kind: "left", id, incarnation: 1 }, 30).since).toBe(30);
  });
});
