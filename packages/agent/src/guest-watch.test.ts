import { ManualClock, SeededRandom, silentLog } from "@murmur/base";
import { afterEach, beforeEach, expect, it } from "vitest";
import { GuestWatch } from "./guest-watch.ts";
import type { Abortable, EngineGuest, GuestRuntime } from "./ports.ts";

const HAND: EngineGuest = { network: "murmur.open", names: ["hand"], ipv4: "10.1.0.130" };

/** An engine whose event stream is the test's to ring and to end. */
class Engine implements Pick<GuestRuntime, "guests" | "guestEvents"> {
  present: readonly EngineGuest[] = [];
  looks = 0;
  subscriptions = 0;
  /** Set, nothing is answered but an error. */
  away = false;
  /** Set, who subscribes gets no answer. */
  isSilent = false;
  ring: () => void = () => {};
  end: () => void = () => {};

  async guests(): Promise<readonly EngineGuest[]> {
    this.looks += 1;
    if (this.away) throw new Error("away");
    return this.present;
  }

  async guestEvents({ signal }: Abortable): Promise<AsyncIterable<unknown>> {
    this.subscriptions += 1;
    if (this.away) throw new Error("away");
    if (this.isSilent) return new Promise(() => {});
    const stream = new ReadableStream<number>({
      start: (controller) => {
        this.ring = () => controller.enqueue(1);
        this.end = () => controller.close();
        signal.addEventListener("abort", () => controller.error(new Error("aborted")), { once: true });
      },
    });
    return stream;
  }
}

let stop: AbortController;
beforeEach(() => void (stop = new AbortController()));
afterEach(() => stop.abort());

const watchOf = (
  engine: Engine,
  clock: ManualClock,
  seen: string[],
  isNeeded: () => boolean = () => true,
): GuestWatch =>
  new GuestWatch({
    engine,
    labels: {},
    isNeeded,
    onGuests: (guests) => void seen.push(guests.map(({ names }) => names.join()).join()),
    clock,
    random: new SeededRandom(1),
    log: silentLog,
  });

it("subscribes anew when the engine doesn't answer for long", async () => {
  const [clock, engine] = [new ManualClock(), new Engine()];
  const seen: string[] = [];
  engine.isSilent = true;
  engine.present = [HAND];
  void watchOf(engine, clock, seen).run(stop.signal);
  await clock.advance(9_000);
  expect([engine.subscriptions, seen]).toEqual([1, []]);
  engine.isSilent = false;
  await clock.advance(3_000);
  expect([engine.subscriptions, seen.at(-1)]).toEqual([2, "hand"]);
});

it("looks at once, at each event, and from time to time, and starts again when the engine is back", async () => {
  const [clock, engine] = [new ManualClock(), new Engine()];
  const seen: string[] = [];
  let isNeeded = true;
  void watchOf(engine, clock, seen, () => isNeeded).run(stop.signal);
  await clock.advance(1_000);
  expect(seen).toEqual([""]);
  engine.present = [HAND];
  for (let count = 0; count < 50; count += 1) engine.ring();
  await clock.advance(150);
  expect(seen).toEqual(["", "hand"]);
  await clock.advance(150);
  // Those that came while it looked are one look more at the most.
  expect(engine.looks).toBeLessThanOrEqual(3);
  engine.away = true;
  engine.end();
  await clock.advance(30_000);
  expect(seen.at(-1)).toBe("hand");
  expect(engine.subscriptions).toBeGreaterThan(3);
  engine.away = false;
  engine.present = [];
  await clock.advance(10_000);
  expect(seen.at(-1)).toBe("");
  const { looks } = engine;
  isNeeded = false;
  engine.present = [HAND];
  await clock.advance(30_000);
  expect([engine.looks, seen.at(-1)]).toEqual([looks, ""]);
});
