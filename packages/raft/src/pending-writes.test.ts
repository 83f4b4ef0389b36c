import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { PendingWrites } from "./pending-writes.ts";
import type { HardState } from "./types.ts";

const hardState = (term: number): HardState => ({ term, vote: nodeId("a"), commit: 0 });

describe("pending writes", () => {
  it("counts what storage reports, several at once", () => {
    const writes = new PendingWrites(3, hardState(1));
    writes.begin(4, hardState(1));
    const second = writes.begin(6, hardState(2));
    expect(writes).toMatchObject({ stable: 3, handed: 6 });
    writes.finish(second);
    expect(writes).toMatchObject({ stable: 6, durable: hardState(2) });
  });

  it("ignores a report that comes twice, and refuses one of a write that was never made", () => {
    const writes = new PendingWrites(0, hardState(1));
    const first = writes.begin(2, hardState(1));
    writes.finish(first);
    writes.begin(5, hardState(1));
    writes.finish(first);
    expect(writes.stable).toBe(2);
    expect(() => writes.finish(3)).toThrow("handed out");
  });

  it("does not take the first write of an entry for its third", () => {
    const writes = new PendingWrites(2, hardState(1));
    const first = writes.begin(4, hardState(1));
    // Another leader cut entries 3 and 4 off and wrote its own; a third one wrote the same entries as the first again.
    writes.cut(2);
    const second = writes.begin(3, hardState(2));
    writes.cut(2);
    const third = writes.begin(4, hardState(3));
    writes.finish(first);
    expect(writes.stable).toBe(2);
    writes.finish(second);
    expect(writes.stable).toBe(2);
    writes.finish(third);
    expect(writes.stable).toBe(4);
  });

  it("has nothing durable after a cut to nothing, until the snapshot is written", () => {
    const writes = new PendingWrites(7, hardState(1));
    const old = writes.begin(9, hardState(1));
    writes.cut(0);
    const snapshot = writes.begin(20, hardState(1));
    writes.finish(old);
    expect(writes.stable).toBe(0);
    writes.finish(snapshot);
    expect(writes.stable).toBe(20);
  });
});
