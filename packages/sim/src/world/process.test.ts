import { describe, expect, it } from "vitest";
import { EventQueue } from "./event-queue.ts";
import { Process } from "./process.ts";

describe("a process of the simulator", () => {
  // Seed 1100040201: one that had crashed while it opened its log held the disk for ever.
  it("does nothing any more once it has ended, whichever way it would have", () => {
    const done: string[] = [];
    const process: Process = new Process({
      queue: new EventQueue(),
      clockError: { rate: 1, wallMs: 0 },
      onWork: () => {},
      onFuse: () => process.die(),
    });
    const doAll = (): void => {
      process.enter(() => done.push("enter"));
      void process.call(async () => done.push("call"));
      process.clock.setTimer(0, () => done.push("timer"));
    };
    doAll();
    expect(done).toEqual(["enter", "call"]);
    process.dieAfter(1);
    expect(process.acts()).toBe(false);
    doAll();
    expect([process.alive, process.timers, done.length]).toEqual([false, 1, 2]);
  });
});
