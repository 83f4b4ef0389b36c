import { ClusterError, ManualClock, nodeId, Scope, silentLog } from "@murmur/base";
import type { InternalCommand } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { ReportBatcher } from "./report-batcher.ts";

const command = (text: string): InternalCommand => ({
  kind: "setNodeState",
  id: nodeId("n1"),
  state: "ready",
  message: text,
  now: 1,
});
const turn = async (): Promise<void> => {
  for (let count = 0; count < 50; count += 1) await Promise.resolve();
};

function setup() {
  const clock = new ManualClock();
  const scope = new Scope(silentLog);
  const batches: (readonly InternalCommand[])[] = [];
  const state: { answer: () => Promise<void> } = { answer: () => Promise.resolve() };
  const submit = async (commands: readonly InternalCommand[]): Promise<void> => {
    batches.push(commands);
    await state.answer();
  };
  return { clock, scope, batches, state, batcher: new ReportBatcher({ submit, clock, log: silentLog }, scope) };
}

describe("a report batcher", () => {
  it("brings the reports of one turn in together, and those that come meanwhile in the next entry", async () => {
    const { batcher, batches, state } = setup();
    const { promise, resolve } = Promise.withResolvers<void>();
    state.answer = () => promise;
    const done: number[] = [];
    for (let at = 0; at < 3; at += 1) void batcher.add(command("a"), () => done.push(at));
    await turn();
    for (let at = 3; at < 10; at += 1) void batcher.add(command("b"), () => done.push(at));
    await turn();
    expect(done).toEqual([]);
    resolve();
    await turn();
    expect(batches.map(({ length }) => length)).toEqual([3, 7]);
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("tries again while there is no leader", async () => {
    const { batcher, batches, state, clock } = setup();
    let tries = 0;
    state.answer = () => {
      tries += 1;
      return tries < 4 ? Promise.reject(new ClusterError("no_leader", "none")) : Promise.resolve();
    };
    let done = false;
    await batcher.add(command("a"), () => (done = true));
    await turn();
    await clock.advance(1_000);
    expect(done).toBe(true);
    expect(batches).toHaveLength(4);
  });

  it("drops what came on a session that is lost meanwhile", async () => {
    const { batcher, batches, state, clock } = setup();
    state.answer = () => Promise.reject(new ClusterError("no_leader", "none"));
    let lost = false;
    const done: string[] = [];
    await batcher.add(
      command("on its way"),
      () => done.push("on its way"),
      () => lost,
    );
    await batcher.add(command("other"), () => done.push("other"));
    await turn();
    await batcher.add(
      command("waits"),
      () => done.push("waits"),
      () => lost,
    );
    lost = true;
    state.answer = () => Promise.resolve();
    await clock.advance(1_000);
    expect(done).toEqual(["other"]);
    expect(batches.slice(1).flat()).toEqual([command("other")]);
    expect(batcher.size).toBe(0);
  });

  it("makes no entry larger than one may be, in bytes and in number", async () => {
    const { batcher, batches } = setup();
    for (let at = 0; at < 10; at += 1) void batcher.add(command("x".repeat(200_000)), () => {});
    for (let at = 0; at < 600; at += 1) void batcher.add(command("x"), () => {});
    for (let count = 0; count < 20; count += 1) await turn();
    expect(batches.flat()).toHaveLength(610);
    for (const batch of batches) {
      expect(batch.length).toBeLessThanOrEqual(256);
      const bytes = batch.reduce((sum, one) => sum + JSON.stringify(one).length, 0);
      expect(bytes).toBeLessThan(600_000);
    }
  });

  it("is not held up by a report that can't be recorded", async () => {
    const { batcher, state } = setup();
    const done: string[] = [];
    state.answer = () => Promise.reject(new ClusterError("invalid_argument", "too large"));
    await batcher.add(command("bad"), () => done.push("bad"));
    await turn();
    state.answer = () => Promise.resolve();
    await batcher.add(command("good"), () => done.push("good"));
    await turn();
    expect(done).toEqual(["good"]);
  });

  it("makes its callers wait while it is full, and lets go of them when it ends", async () => {
    const { batcher, state, scope } = setup();
    state.answer = () => new Promise<void>(() => {});
    // One batch is taken out at once, the rest waits.
    await batcher.add(command("first"), () => {});
    await turn();
    const waiting = Array.from({ length: 4_096 }, () => batcher.add(command("a"), () => {}));
    let released = false;
    waiting.at(-1)?.then(
      () => (released = true),
      () => {},
    );
    await turn();
    expect(released).toBe(false);
    expect(batcher.size).toBe(4_096);
    void scope[Symbol.asyncDispose]();
    await Promise.all(waiting);
    await batcher.add(command("late"), () => {});
    expect(batcher.size).toBe(4_096);
  });
});
