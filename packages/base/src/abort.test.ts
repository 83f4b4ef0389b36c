import { describe, expect, it } from "vitest";
import { withDeadline, withSignals } from "./abort.ts";
import { ManualClock } from "./manual-clock.ts";

/** Work that ends with its signal. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));

describe("work that signals end", () => {
  it("is told the reason of the first", async () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const work = withSignals([one.signal, other.signal], untilAborted);
    other.abort(new Error("the other one"));
    one.abort(new Error("the one"));
    await expect(work).rejects.toThrow("the other one");
  });

  it("is told at once what was aborted before", async () => {
    const aborted = AbortSignal.abort(new Error("before"));
    await expect(withSignals([aborted], (signal) => Promise.resolve(signal.aborted))).resolves.toBe(true);
  });

  it("leaves nothing behind when it is done", async () => {
    const one = new AbortController();
    let kept: AbortSignal | undefined;
    await expect(withSignals([one.signal], async (signal) => ((kept = signal), "done"))).resolves.toBe("done");
    one.abort(new Error("later"));
    expect(kept?.aborted).toBe(false);
  });
});

describe("work with a time limit", () => {
  const setup = () => {
    const clock = new ManualClock();
    const caller = new AbortController();
    const options = { clock, limitMs: 1_000, late: () => new Error("late"), signals: [caller.signal] };
    return { clock, caller, options };
  };

  it("is told when its time is up, and not before", async () => {
    const { clock, options } = setup();
    let aborted = false;
    const work = withDeadline(options, (signal) => {
      signal.addEventListener("abort", () => (aborted = true));
      return untilAborted(signal);
    });
    const ended = expect(work).rejects.toThrow("late");
    await clock.advance(999);
    expect(aborted).toBe(false);
    await clock.advance(1);
    await ended;
  });

  it("is told what its caller says, and leaves no timer", async () => {
    const { clock, caller, options } = setup();
    const work = withDeadline(options, untilAborted);
    caller.abort(new Error("gone"));
    await expect(work).rejects.toThrow("gone");
    expect(clock.pending).toBe(0);
  });
});
