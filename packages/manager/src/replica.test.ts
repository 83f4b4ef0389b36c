import { codeOf, silentLog } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { encodeEntry } from "./codec.ts";
import { Replica } from "./replica.ts";
import { ClusterStore } from "./testing/cluster-store.ts";

const never = new AbortController().signal;

function setup() {
  const { store, nodes } = new ClusterStore();
  const replica = new Replica({ store, appliedIndex: store.view.version, log: silentLog });
  const node = nodes[0] ?? ("" as never);
  const entry = (index: number, requestId: string, message: string) => ({
    index,
    kind: "normal",
    data: encodeEntry({ requestId, commands: [{ kind: "setNodeState", id: node, state: "down", message, now: 1 }] }),
  });
  return { replica, store, node, entry };
}

describe("a replica", () => {
  it("applies entries and tells the request that waits what became of each command", async () => {
    const { replica, store, node, entry } = setup();
    let rung = 0;
    const waiter = replica.expect("r1", () => (rung += 1));
    expect(waiter.settled()).toBeUndefined();
    replica.apply(entry(50, "r0", "other"));
    replica.apply(entry(51, "r1", "own"));
    expect(rung).toBe(1);
    expect(waiter.settled()).toMatchObject({ kind: "applied", results: [{ ok: true, version: 51 }] });
    expect(store.view.node(node)?.status.message).toBe("own");
    expect(replica.applied).toBe(51);
    expect(replica.appliedBytes).toBeGreaterThan(100);
    expect(replica.waiting).toBe(0);
  });

  it("moves on over entries without commands", () => {
    const { replica } = setup();
    replica.apply({ index: 60, kind: "noop", data: new Uint8Array() });
    replica.apply({ index: 61, kind: "membership", data: new Uint8Array([1, 2]) });
    expect(replica.applied).toBe(61);
  });

  it("refuses to go on over an entry that it can't read", () => {
    const { replica } = setup();
    expect(() => replica.apply({ index: 60, kind: "normal", data: new Uint8Array([1]) })).toThrow("command batch");
    expect(replica.applied).toBeLessThan(60);
  });

  it("wakes those who wait for an index, once it is reached, and forgets those who gave up", async () => {
    const { replica } = setup();
    const caller = new AbortController();
    const given = replica.reached(70, caller.signal);
    const reached = replica.reached(70, never);
    caller.abort(new Error("gave up"));
    await expect(given).rejects.toThrow("gave up");
    replica.apply({ index: 70, kind: "noop", data: new Uint8Array() });
    await reached;
    await replica.reached(69, never);
    await expect(replica.reached(71, AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
  });

  it("tells whoever waited for an entry that a snapshot has taken its place", async () => {
    const { replica } = setup();
    const waiter = replica.expect("r1", () => {});
    const index = replica.reached(100, never);
    replica.installed(100);
    await index;
    expect(waiter.settled()).toEqual({ kind: "unknown" });
    expect(replica.appliedBytes).toBe(0);
  });

  it("takes no more requests than it has room for", () => {
    const { replica } = setup();
    const waiters = Array.from({ length: 16_384 }, (_, at) => replica.expect(String(at), () => {}));
    let refusal: unknown;
    try {
      replica.expect("one more", () => {});
    } catch (error) {
      refusal = error;
    }
    expect(codeOf(refusal)).toBe("overloaded");
    waiters[0]?.cancel();
    replica.expect("one more", () => {}).cancel();
  });
});
