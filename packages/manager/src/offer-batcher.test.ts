import { ClusterError, nodeId, silentLog } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { OfferBatcher } from "./offer-batcher.ts";
import type { Offer, OfferedRequest } from "./submitter.ts";

const never = new AbortController().signal;
const request = (name: string, bytes = 1): OfferedRequest => ({
  term: 1,
  requestId: name,
  data: new Uint8Array(bytes),
});
const accepted: Offer = { kind: "accepted" };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Calls that wait to be answered, with what they carried. */
function setup() {
  const calls: { readonly names: readonly string[]; answer(value: unknown): void; fail(error: Error): void }[] = [];
  const call = (_to: unknown, _method: string, body: unknown): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const names = (body as readonly OfferedRequest[]).map(({ requestId }) => requestId);
    calls.push({ names, answer: resolve, fail: reject });
    return promise;
  };
  return { calls, batcher: new OfferBatcher(nodeId("leader"), { peers: { call }, log: silentLog }) };
}

describe("offers to another leader", () => {
  it("go together: those of a turn, then all that came while a call was under way; each gets its own answer", async () => {
    const { calls, batcher } = setup();
    const first = [batcher.offer(request("a"), never), batcher.offer(request("b"), never)];
    await turn();
    expect(calls.map(({ names }) => names)).toEqual([["a", "b"]]);
    const later = ["c", "d", "e"].map((name) => batcher.offer(request(name), never));
    await turn();
    expect(calls).toHaveLength(1);
    calls[0]?.answer([accepted, { kind: "overloaded" }]);
    await turn();
    expect(calls[1]?.names).toEqual(["c", "d", "e"]);
    calls[1]?.answer([accepted, accepted, { kind: "too_large" }]);
    expect(await Promise.all([...first, ...later])).toEqual([
      accepted,
      { kind: "overloaded" },
      accepted,
      accepted,
      { kind: "too_large" },
    ]);
  });

  it("are unknown when the call fails, or its answer is not what was asked for", async () => {
    const { calls, batcher } = setup();
    for (const bad of [undefined, "no", [accepted], [accepted, "x"], [accepted, accepted, accepted]]) {
      const both = [batcher.offer(request("a"), never), batcher.offer(request("b"), never)];
      await turn();
      calls.at(-1)?.answer(bad);
      expect(await Promise.all(both)).toEqual([{ kind: "unknown" }, { kind: "unknown" }]);
    }
    const lost = batcher.offer(request("c"), never);
    await turn();
    calls.at(-1)?.fail(new ClusterError("unavailable", "lost"));
    expect(await lost).toEqual({ kind: "unknown" });
  });

  it("are split into calls of a bounded size, and refused beyond what may wait", async () => {
    const { calls, batcher } = setup();
    const answers: Promise<Offer>[] = [];
    const offer = (count: number, bytes: number): void => {
      for (let at = 0; at < count; at += 1) answers.push(batcher.offer(request("r", bytes), never));
    };
    offer(3, 600 * 1024);
    offer(1_100, 1);
    await turn();
    for (let at = 0; at < calls.length; at += 1) {
      calls[at]?.answer(calls[at]?.names.map(() => accepted));
      await turn();
    }
    expect(calls.map(({ names }) => names.length)).toEqual([1, 1, 1_024, 77]);
    expect(await Promise.all(answers)).toEqual(answers.map(() => accepted));

    offer(1, 1);
    await turn();
    offer(32, 1024 * 1024);
    expect(await batcher.offer(request("too much", 1), never)).toEqual({ kind: "overloaded" });
  });
});
