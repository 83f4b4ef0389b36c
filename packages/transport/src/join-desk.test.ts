import { ClusterError, ManualClock, silentLog, type Log } from "@murmur/base";
import { beforeEach, describe, expect, it } from "vitest";
import { JoinDesk, type JoinAnswer } from "./join-desk.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const VERSIONS = { software: "1.0.0", protocolMin: 1, protocolMax: 1 };
const REQUEST = { remoteAddress: "10.0.0.9", versions: VERSIONS, method: "join", body: {} };
const STOPPING = { ok: false, code: "unavailable", message: "this member is stopping: join through another one" };

let clock: ManualClock;
let errors: string[];
let desk: JoinDesk;
/** What the handler comes to. */
let end: PromiseWithResolvers<unknown>;

beforeEach(() => {
  clock = new ManualClock();
  errors = [];
  end = Promise.withResolvers();
  const log: Log = { ...silentLog, error: (message) => void errors.push(message) };
  desk = new JoinDesk({ versions: VERSIONS, clock, log, limits: DEFAULT_LIMITS });
  desk.handlers.register("join", () => end.promise);
});

const ask = (): Promise<JoinAnswer> => desk.answer(REQUEST);

describe("the desk for nodes that join", () => {
  it("answers what the handler says, and leaves nothing behind", async () => {
    const answer = ask();
    expect([desk.running, clock.pending]).toEqual([1, 1]);
    end.resolve("welcome");
    expect(await answer).toEqual({ ok: true, value: "welcome" });
    expect([desk.running, clock.pending]).toEqual([0, 0]);
  });

  it("tells an error of the cluster's, and of any other only that there was one", async () => {
    const first = ask();
    end.reject(new ClusterError("unauthenticated", "the token is wrong"));
    expect(await first).toEqual({ ok: false, code: "unauthenticated", message: "the token is wrong" });
    end = Promise.withResolvers();
    const second = ask();
    end.reject(new Error("a path of this machine"));
    expect(await second).toEqual({ ok: false, code: "internal", message: "the member failed to answer" });
    expect(errors).toEqual(["a join request failed"]);
  });

  it("waits for a handler only so long, and counts it for as long as it works", async () => {
    const answer = ask();
    await clock.advance(DEFAULT_LIMITS.joinTimeoutMs);
    expect(await answer).toMatchObject({ ok: false, code: "timeout" });
    expect(desk.running).toBe(1);
    end.resolve("late");
    await clock.advance(0);
    expect([desk.running, clock.pending]).toEqual([0, 0]);
  });

  it("refuses more than so many at once", async () => {
    const answers = Array.from({ length: DEFAULT_LIMITS.joinsMax }, ask);
    expect(await ask()).toMatchObject({ ok: false, code: "overloaded" });
    end.resolve("welcome");
    expect(await Promise.all(answers)).toEqual(answers.map(() => ({ ok: true, value: "welcome" })));
  });

  // Seed 1100124650: a member that stopped while it answered left the time limit behind.
  it("sends who is at it to another member when it closes, at once and for good", async () => {
    const answer = ask();
    desk.close();
    expect(clock.pending).toBe(0);
    expect(await answer).toEqual(STOPPING);
    end.reject(new Error("scope closed"));
    await clock.advance(0);
    expect(errors).toEqual([]);
    expect(await ask()).toEqual(STOPPING);
    expect([desk.running, clock.pending]).toEqual([0, 0]);
  });
});
