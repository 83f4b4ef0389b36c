import { ERROR_CODES } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { isRefusal, outcomeOfError } from "./error-outcome.ts";
import { HistoryRecorder } from "./history.ts";

describe("HistoryRecorder", () => {
  it("keeps calls and ends in the order in which they happened, whatever the clock", () => {
    let now = 100;
    const recorder = new HistoryRecorder<string, string>({ limit: 4, now: () => now });
    const one = recorder.call("a", "one");
    const two = recorder.call("b", "two");
    two.returned("done");
    now = 90;
    one.notExecuted("no_leader");
    recorder.call("a", "three").unknown("timeout");
    recorder.call("b", "four");
    const history = recorder.history();
    expect(history.map(({ called }) => called.order)).toEqual([1, 2, 5, 7]);
    expect(history.map(({ ending }) => ending)).toEqual([
      { kind: "not_executed", code: "no_leader", at: { order: 4, atMs: 90 } },
      { kind: "returned", output: "done", at: { order: 3, atMs: 100 } },
      { kind: "unknown", code: "timeout", at: { order: 6, atMs: 90 } },
      { kind: "unknown" },
    ]);
  });

  it("gives out what it had, not what it goes on to record", () => {
    const recorder = new HistoryRecorder<string, string>({ limit: 2, now: () => 0 });
    const open = recorder.call("a", "one");
    const history = recorder.history();
    open.returned("done");
    expect(history).toMatchObject([{ ending: { kind: "unknown" } }]);
  });

  it("throws at its limit, and when an operation ends twice", () => {
    const recorder = new HistoryRecorder<string, string>({ limit: 1, now: () => 0 });
    const open = recorder.call("a", "one");
    expect(() => recorder.call("a", "two")).toThrow("1 operations at the most");
    open.returned("done");
    expect(() => open.unknown("timeout")).toThrow("ends once");
  });
});

describe("outcomeOfError", () => {
  it("takes for unknown what a manager could not confirm, and nothing that it promises", () => {
    const unknown = ERROR_CODES.filter((code) => outcomeOfError(code) === "unknown");
    expect(unknown).toEqual(["timeout", "cancelled", "corrupt", "internal"]);
    for (const code of ["no_leader", "overloaded", "unavailable"] as const) {
      expect(outcomeOfError(code)).toBe("not_executed");
      expect(isRefusal(code)).toBe(false);
    }
    expect(isRefusal("out_of_date")).toBe(true);
  });
});
