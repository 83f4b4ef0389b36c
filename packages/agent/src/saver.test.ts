import { ManualClock, Scope, silentLog } from "@murmur/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Saver } from "./saver.ts";

const GATHER_MS = 100;
const RETRY_MS = 5_000;

let clock: ManualClock;
let scope: Scope;
let saver: Saver;
let state: string;
/** Writes that have begun, and what ends the last of them. */
let written: string[];
let end: PromiseWithResolvers<void>;

beforeEach(() => {
  clock = new ManualClock();
  scope = new Scope(silentLog);
  state = "a";
  written = [];
  end = Promise.withResolvers();
  saver = new Saver({
    store: {
      get: () => Promise.resolve(undefined),
      put: (_key, value) => {
        written.push(new TextDecoder().decode(value));
        end = Promise.withResolvers();
        return end.promise;
      },
    },
    key: "record",
    encode: () => new TextEncoder().encode(state),
    gatherMs: GATHER_MS,
    clock,
    log: silentLog,
  });
  scope.run("saver", (signal) => saver.run(signal));
});
afterEach(async () => {
  const ended = scope[Symbol.asyncDispose]();
  end.resolve();
  await ended;
});

/** What has just happened is reacted to before time passes, and after it. */
async function pass(ms: number): Promise<void> {
  await clock.advance(0);
  await clock.advance(ms);
  await clock.advance(0);
}
const change = (to: string): void => {
  state = to;
  saver.changed();
};
/** What has become of a wait so far. */
function outcomeOf(wait: Promise<void>): () => string {
  let outcome = "waits";
  wait.then(
    () => (outcome = "saved"),
    (error: unknown) => (outcome = String(error)),
  );
  return () => outcome;
}

describe("a saver", () => {
  it("writes changes of a while together", async () => {
    change("b");
    await pass(GATHER_MS - 1);
    change("c");
    expect(written).toEqual([]);
    await pass(1);
    expect(written).toEqual(["c"]);
  });

  it("has saved what nothing has changed", async () => {
    await expect(saver.saved()).resolves.toBeUndefined();
    expect(written).toEqual([]);
  });

  it("writes at once what somebody waits for", async () => {
    change("b");
    const outcome = outcomeOf(saver.saved());
    await pass(0);
    expect(written).toEqual(["b"]);
    expect(outcome()).toBe("waits");
    end.resolve();
    await pass(0);
    expect(outcome()).toBe("saved");
  });

  it("doesn't take the write under way for one of what has changed since", async () => {
    change("b");
    const first = outcomeOf(saver.saved());
    await pass(0);
    const alsoFirst = outcomeOf(saver.saved());
    change("c");
    const second = outcomeOf(saver.saved());
    change("d");
    const alsoSecond = outcomeOf(saver.saved());
    end.resolve();
    await pass(0);
    expect([first(), alsoFirst(), second(), alsoSecond()]).toEqual(["saved", "saved", "waits", "waits"]);
    expect(written).toEqual(["b", "d"]);
    end.resolve();
    await pass(0);
    expect([second(), alsoSecond()]).toEqual(["saved", "saved"]);
  });

  it("tells those who wait that a write has failed, and writes again after a while", async () => {
    change("b");
    const outcome = outcomeOf(saver.saved());
    await pass(0);
    end.reject(new Error("disk full"));
    await pass(0);
    expect(outcome()).toBe("Error: disk full");
    const next = outcomeOf(saver.saved());
    await pass(RETRY_MS - 1);
    expect(written).toEqual(["b"]);
    await pass(1);
    expect(written).toEqual(["b", "b"]);
    end.resolve();
    await pass(0);
    expect(next()).toBe("saved");
  });

  it("fails in silence where nobody waits", async () => {
    change("b");
    await pass(GATHER_MS);
    end.reject(new Error("disk full"));
    await pass(RETRY_MS + GATHER_MS);
    expect(written).toEqual(["b", "b"]);
  });
});
