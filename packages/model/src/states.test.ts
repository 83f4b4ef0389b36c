import { describe, expect, it } from "vitest";
import { DESIRED_STATES, holdsSlot, isDesiredLater, isLater, isTerminal, TASK_STATES, wantsToRun } from "./states.ts";

describe("task states", () => {
  it("are terminal from complete on", () => {
    expect(TASK_STATES.filter(isTerminal)).toEqual(["complete", "shutdown", "failed", "rejected", "orphaned"]);
  });

  it("are in order, none later than itself", () => {
    expect(isLater("running", "starting")).toBe(true);
    expect(TASK_STATES.some((state) => isLater(state, state))).toBe(false);
    expect(isDesiredLater("remove", "shutdown")).toBe(true);
    expect(DESIRED_STATES.some((state) => isDesiredLater(state, state))).toBe(false);
  });

  it("hold a slot while the task is wanted and may still run", () => {
    expect(DESIRED_STATES.filter(wantsToRun)).toEqual(["ready", "running", "complete"]);
    expect(holdsSlot({ desiredState: "running", status: { state: "pending" } })).toBe(true);
    expect(holdsSlot({ desiredState: "running", status: { state: "failed" } })).toBe(false);
    expect(holdsSlot({ desiredState: "shutdown", status: { state: "running" } })).toBe(false);
  });
});
