import { codeOf, ManualClock, SeededRandom, silentLog } from "@murmur/base";
import type { Command } from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Replica } from "./replica.ts";
import { Submitter } from "./submitter.ts";
import { ClusterStore } from "./testing/cluster-store.ts";
import { FakeConsensus } from "./testing/fake-consensus.ts";

function setup(seed = 1) {
  const clock = new ManualClock();
  const random = new SeededRandom(seed);
  const { store } = new ClusterStore();
  // Counts how often each request's command was applied, by its message.
  const applied = new Map<string, number>();
  const counting = {
    ...store,
    view: store.view,
    apply: (_index: number, command: Command) => {
      if (command.kind === "setNodeState") applied.set(command.message, (applied.get(command.message) ?? 0) + 1);
      return { ok: true as const, version: 1 };
    },
  };
  const replica = new Replica({ store: counting, appliedIndex: 0, log: silentLog });
  const consensus = new FakeConsensus({ replica, clock, random });
  const stop = new AbortController();
  let requests = 0;
  const newId = (): string => `request${String((requests += 1))}`;
  const submitter = new Submitter({ consensus, replica, clock, newId, stopping: stop.signal });
  const never = new AbortController().signal;
  const submit = (name: string, signal = never): Promise<string> =>
    submitter.submit([{ kind: "setNodeState", id: "n1" as never, state: "ready", message: name, now: 1 }], signal).then(
      () => "applied",
      (error: unknown) => codeOf(error),
    );
  return { clock, consensus, submit, applied, replica, stop };
}

describe("a submitter", () => {
  it("resolves when the entry is applied", async () => {
    const { clock, consensus, submit, applied, replica } = setup();
    const done = submit("a");
    await clock.advance(10);
    expect(applied.size).toBe(0);
    consensus.commit();
    expect(await done).toBe("applied");
    expect(applied.get("a")).toBe(1);
    expect(replica.waiting).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("waits for a leader, and says so when there is none in time", async () => {
    const { clock, consensus, submit } = setup();
    consensus.lose();
    const done = submit("a");
    await clock.advance(10_000);
    expect(await done).toBe("no_leader");
    const later = submit("b");
    await clock.advance(3_000);
    consensus.elect();
    await clock.advance(10);
    consensus.commit();
    expect(await later).toBe("applied");
  });

  it("offers a lost entry to the next leader, and one that has made it not", async () => {
    for (const kept of [0, 1]) {
      const { clock, consensus, submit, applied } = setup();
      const done = submit("a");
      await clock.advance(10);
      consensus.lose(kept);
      consensus.elect();
      await clock.advance(100);
      consensus.commit();
      expect(await done).toBe("applied");
      expect(applied.get("a")).toBe(1);
      expect(consensus.taken).toBe(2 - kept);
    }
  });

  it("does not wait for the answer of a leader that has been replaced", async () => {
    const { clock, consensus, submit, applied } = setup();
    consensus.latencyMs = 1e9;
    const done = submit("a");
    await clock.advance(100);
    consensus.lose();
    consensus.latencyMs = 0;
    consensus.elect();
    await clock.advance(0);
    await clock.advance(100);
    consensus.commit();
    expect(await done).toBe("applied");
    await clock.advance(2e9);
    consensus.commit();
    expect(applied.get("a")).toBe(1);
  });

  it("asks first what became of an offer without an answer, before it turns to the leader of the next term", async () => {
    const { clock, consensus, submit, applied } = setup();
    consensus.answerLost = 1;
    const done = submit("a");
    await clock.advance(5);
    // It is in the log, nobody knows, and it makes it to the next leader.
    consensus.lose(1);
    consensus.elect();
    consensus.answerLost = 0;
    await clock.advance(500);
    expect(await done).toBe("applied");
    expect(applied.get("a")).toBe(1);
  });

  it("says that the outcome is not known when it may be in the log", async () => {
    const { clock, submit } = setup();
    const done = submit("a");
    await clock.advance(10_000);
    expect(await done).toBe("timeout");
  });

  it("passes on that the leader is overloaded, or the request too large, when it was not taken before", async () => {
    const { clock, consensus, submit } = setup();
    consensus.refusal = { kind: "overloaded" };
    expect(await submit("a")).toBe("overloaded");
    consensus.refusal = { kind: "too_large" };
    expect(await submit("b")).toBe("invalid_argument");
    // An offer that was lost may come late: being refused the second time says nothing about the first.
    consensus.offerLost = 1;
    const done = submit("c");
    await clock.advance(30);
    consensus.offerLost = 0;
    consensus.refusal = { kind: "overloaded" };
    await clock.advance(10_000);
    expect(await done).toBe("timeout");
  });

  it("ends with its caller and with the manager", async () => {
    const { clock, consensus, submit, stop, replica } = setup();
    consensus.lose();
    const caller = new AbortController();
    const cancelled = submit("a", caller.signal);
    const stopped = submit("b");
    await clock.advance(10);
    caller.abort(new Error("gone"));
    expect(await cancelled).toBe("internal");
    stop.abort(new Error("scope closed"));
    expect(await stopped).toBe("unavailable");
    expect(replica.waiting).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("tells those who waited through a snapshot that it does not know", async () => {
    const { clock, submit, replica } = setup();
    const done = submit("a");
    await clock.advance(10);
    replica.installed(100);
    expect(await done).toBe("timeout");
  });

  it("applies every request once, or reports it as not applied, whatever becomes of leaders and messages", async () => {
    const event = fc.constantFrom("commit", "lose", "elect", "submit", "wait", "keep");
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(event, { maxLength: 60, size: "max" }), async (seed, events) => {
        const { clock, consensus, submit, applied } = setup(seed);
        Object.assign(consensus, { offerLost: 0.2, answerLost: 0.5, latencyMs: seed % 2 === 0 ? 0 : 30 });
        const outcomes = new Map<string, Promise<string>>();
        for (const [at, what] of events.entries()) {
          if (what === "submit") outcomes.set(`s${String(at)}`, submit(`s${String(at)}`));
          if (what === "commit") consensus.commit();
          if (what === "lose") consensus.lose();
          if (what === "keep") consensus.lose(Infinity);
          if (what === "elect") consensus.elect();
          await clock.advance(what === "wait" ? 200 : 7);
        }
        await clock.advance(20_000);
        for (const [name, outcome] of outcomes) {
          const times = applied.get(name) ?? 0;
          switch (await outcome) {
            case "applied":
              expect(times).toBe(1);
              break;
            case "no_leader":
              expect(times).toBe(0);
              break;
            default:
              expect(times).toBeLessThanOrEqual(1);
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
