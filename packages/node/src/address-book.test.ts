import { nodeId, type NodeId } from "@murmur/base";
import type { ClusterFacts } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { AddressBook } from "./address-book.ts";

const [A, B, C] = [nodeId("a"), nodeId("b"), nodeId("c")];
const facts = (...nodes: (readonly [NodeId, string, "voter" | "learner" | "none"])[]): ClusterFacts => ({
  nodes: nodes.map(([id, address, raftRole]) => ({ id, address, raftRole, hostname: id })),
  gossipKeys: [],
});

describe("an address book", () => {
  it("believes gossip first, then the cluster, then what was recorded", () => {
    const gossip = new Map([[A, "9.9.9.9:1"]]);
    const book = new AddressBook(
      (id) => gossip.get(id),
      [
        { id: A, address: "1.1.1.1:1" },
        { id: B, address: "2.2.2.2:1" },
      ],
    );
    expect([book.addressOf(A), book.addressOf(B), book.addressOf(C)]).toEqual(["9.9.9.9:1", "2.2.2.2:1", undefined]);
    book.learn(facts([B, "3.3.3.3:1", "voter"], [C, "4.4.4.4:1", "none"]));
    expect([book.addressOf(A), book.addressOf(B), book.addressOf(C)]).toEqual(["9.9.9.9:1", "3.3.3.3:1", "4.4.4.4:1"]);
    expect([book.idAt("4.4.4.4:1"), book.idAt("2.2.2.2:1")]).toEqual([C, undefined]);
    expect(book.all()).toEqual([
      { id: B, address: "3.3.3.3:1" },
      { id: C, address: "4.4.4.4:1" },
    ]);
  });

  it("keeps what was recorded while the cluster names nobody", () => {
    const book = new AddressBook(() => undefined, [{ id: A, address: "1.1.1.1:1" }]);
    book.learn(facts());
    expect(book.addressOf(A)).toBe("1.1.1.1:1");
    book.learn(facts([B, "2.2.2.2:1", "none"]));
    expect([book.addressOf(A), book.addressOf(B)]).toEqual([undefined, "2.2.2.2:1"]);
  });

  it("knows who has just answered at an address, whoever was there before", () => {
    const book = new AddressBook(() => undefined, [{ id: A, address: "1.1.1.1:1" }]);
    book.found(B, "1.1.1.1:1");
    expect([book.idAt("1.1.1.1:1"), book.addressOf(B), book.addressOf(A)]).toEqual([B, "1.1.1.1:1", "1.1.1.1:1"]);
    book.found(A, "3.3.3.3:1");
    expect([book.addressOf(A), book.idAt("3.3.3.3:1")]).toEqual(["3.3.3.3:1", A]);
  });

  it("tries those for a manager that are recorded as one, or else everybody", () => {
    const book = new AddressBook(
      () => undefined,
      [
        { id: A, address: "1.1.1.1:1" },
        { id: B, address: "2.2.2.2:1" },
      ],
    );
    expect(book.managers()).toEqual([A, B]);
    book.learn(facts([A, "1.1.1.1:1", "none"], [B, "2.2.2.2:1", "learner"], [C, "3.3.3.3:1", "voter"]));
    expect(book.managers()).toEqual([B, C]);
  });

  it("tries those too that say by gossip that they are managers", () => {
    const book = new AddressBook(() => undefined, [{ id: A, address: "1.1.1.1:1" }]);
    book.hear(B, true);
    expect(book.managers()).toEqual([B]);
    book.learn(facts([A, "1.1.1.1:1", "voter"], [B, "2.2.2.2:1", "none"], [C, "3.3.3.3:1", "none"]));
    expect(book.managers()).toEqual([A, B]);
    book.hear(B, false);
    expect(book.managers()).toEqual([A]);
  });
});
