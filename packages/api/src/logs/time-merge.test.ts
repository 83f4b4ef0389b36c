import { ManualClock } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogEntry, LogLine } from "./log-entry.ts";
import { TimeMerge } from "./time-merge.ts";

const line = (task: string, at: number): LogLine => ({
  kind: "stdout",
  task,
  at: String(at).padStart(9, "0"),
  details: "",
  text: new Uint8Array(10),
});

const merged = (clock = new ManualClock()): TimeMerge => new TimeMerge(clock, { firstMs: 1_000, laterMs: 100 });

/** A source that says what it is told to. */
class Source implements AsyncIterable<readonly LogEntry[]> {
  asked = 0;
  #waiting: ((result: IteratorResult<readonly LogEntry[]>) => void) | undefined;

  say(...entries: readonly LogEntry[]): void {
    this.#waiting?.({ done: false, value: entries });
  }
  end(): void {
    this.#waiting?.({ done: true, value: undefined });
  }
  [Symbol.asyncIterator](): AsyncIterator<readonly LogEntry[]> {
    return {
      next: () => {
        this.asked += 1;
        return new Promise((resolve) => (this.#waiting = resolve));
      },
    };
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("merged logs", () => {
  it("are in the order of time, each source in its own order, and nothing is lost", async () => {
    const batches = fc.array(fc.array(fc.nat({ max: 50 }), { maxLength: 8 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(batches, { maxLength: 5 }), async (sources) => {
        const merge = merged();
        const sorted = sources.map((parts) => {
          const times = parts.flat().toSorted((left, right) => left - right);
          return parts.map((part) => times.splice(0, part.length));
        });
        for (const [at, parts] of sorted.entries()) {
          merge.add(
            (async function* () {
              for (const part of parts) yield part.map((time) => line(String(at), time));
            })(),
          );
        }
        merge.finish();
        const found: LogEntry[] = [];
        for await (const batch of merge.batches()) found.push(...batch);
        const times = found.map((entry) => ("at" in entry ? entry.at : ""));
        expect(times).toEqual(times.toSorted());
        expect(times).toHaveLength(sorted.flat(2).length);
      }),
    );
  });

  it("wait for a silent source, but not for longer than the patience", async () => {
    const clock = new ManualClock();
    const merge = merged(clock);
    const [quick, silent] = [new Source(), new Source()];
    merge.add(quick);
    merge.add(silent);
    const batches = merge.batches();
    let got: unknown;
    const first = batches.next().then(({ value }) => (got = value));
    await settle();
    quick.say(line("quick", 5));
    await settle();
    await clock.advance(999);
    await settle();
    expect(got).toBeUndefined();
    await clock.advance(1);
    await first;
    expect(got).toEqual([line("quick", 5)]);
    const second = batches.next();
    await settle();
    quick.say(line("quick", 7));
    expect((await second).value).toEqual([line("quick", 7)]);
    const third = batches.next();
    await settle();
    silent.say(line("silent", 1));
    await clock.advance(100);
    expect((await third).value).toEqual([line("silent", 1)]);
  });

  it("read no more than one batch of each source while nobody takes anything", async () => {
    const merge = merged();
    const source = new Source();
    merge.add(source);
    const batches = merge.batches();
    const first = batches.next();
    await settle();
    source.say(line("a", 1), line("a", 2));
    await first;
    for (let turn = 0; turn < 5; turn += 1) await settle();
    expect(source.asked).toBe(1);
  });

  it("end with the last source once no more are added, and at once when closed", async () => {
    const merge = merged();
    const source = new Source();
    merge.add(source);
    const ended = merge.batches().next();
    await settle();
    merge.finish();
    source.end();
    expect((await ended).done).toBe(true);
    const other = merged();
    other.add(new Source());
    const closed = other.batches().next();
    await settle();
    other.close();
    expect((await closed).done).toBe(true);
  });
});
