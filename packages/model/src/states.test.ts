import { describe, expect, it } from "vitest";
import {
  DESIRED_STATES,
  holdsSlot,
  isAssigned,
  isDesiredLater,
  isLater,
  isTerminal,
  TASK_STATES,
  wantsToRun,
} from "./states.ts";

describe("task states", () => {
  it("are terminal from complete on", () => {
    expect(TASK_STATES.filter(isTerminal)).toEqual(["complete", "shutdown", "failed", "rejected", "orphaned"]);
  });

  it("are known to a node from assigned on", () => {
    expect(TASK_STATES.filter((state) => !isAssigned(state))).toEqual(["new", "pending"]);
  });

  it("are in order, each later than all before it and than no other", () => {
    for (const [at, state] of TASK_STATES.entries()) {
      expect(TASK_STATES.filter((other) => isLater(state, other))).toEqual(TASK_STATES.slice(0, at));
    }
    for (const [at, state] of DESIRED_STATES.entries()) {
      expect(DESIRED_STATES.filter((other) => isDesiredLater(state, other))).toEqual(DESIRED_STATES.slice(0, at));
    }
  });

  it("hold a slot while the task is wanted and may still run", () => {
    expect(DESIRED_STATES.filter(wantsToRun)).toEqual(["ready", "running", "complete"]);
    expect(holdsSlot({ desiredState: "running", status: { state: "pending" } })).toBe(true);
    expect(holdsSlot({ desiredState: "running", status: { state: "failed" } })).toBe(false);
    expect(holdsSlot({ desiredState: "shutdown", status: { state: "running" } })).toBe(false);
  });
});
