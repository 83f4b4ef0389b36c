import { ManualClock, type Clock, type Timer } from "@murmur/base";
import { expect, it } from "vitest";
import { KeepAlive } from "./keep-alive.ts";

function start(clock: Clock): { keepAlive: KeepAlive; seen: string[] } {
  const seen: string[] = [];
  const keepAlive = new KeepAlive({
    clock,
    pingMs: 500,
    silenceMs: 1500,
    ping: () => seen.push(`ping ${clock.monotonic()}`),
    silent: () => seen.push(`silent ${clock.monotonic()}`),
  });
  return { keepAlive, seen };
}

it("pings, and reports silence after its time", async () => {
  const clock = new ManualClock();
  const { seen } = start(clock);
  await clock.advance(5000);
  expect(seen).toEqual(["ping 500", "ping 1000", "silent 1500"]);
  expect(clock.pending).toBe(0);
});

it("is content with anything that arrives, and pings only when nothing does", async () => {
  const clock = new ManualClock();
  const { keepAlive, seen } = start(clock);
  for (let count = 0; count < 20; count += 1) {
    await clock.advance(400);
    keepAlive.heard();
  }
  expect(seen.filter((event) => event.startsWith("silent"))).toEqual([]);
  expect(seen.length).toBeLessThan(10);
  keepAlive.stop();
  await clock.advance(5000);
  expect(clock.pending).toBe(0);
});

it("does not take its own standstill for the peer's silence", async () => {
  const clock = new StallingClock();
  const { seen } = start(clock);
  await clock.inner.advance(500);
  clock.stall(10_000);
  await clock.inner.advance(500);
  expect(seen).toEqual(["ping 500"]);
  // From here on, the silence is the peer's.
  await clock.inner.advance(1500);
  expect(seen.at(-1)).toMatch(/^silent/);
});

/** A clock on which time can pass without timers firing. */
class StallingClock implements Clock {
  readonly inner = new ManualClock();
  #stalledMs = 0;

  stall(ms: number): void {
    this.#stalledMs += ms;
  }
  now(): number {
    return this.inner.now() + this.#stalledMs;
  }
  monotonic(): number {
    return this.inner.monotonic() + this.#stalledMs;
  }
  setTimer(delayMs: number, callback: () => void): Timer {
    return this.inner.setTimer(delayMs, callback);
  }
}
