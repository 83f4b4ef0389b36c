import type { Service, Task } from "@murmur/api";
import { describe, expect, it } from "vitest";
import { aService, aTask, type TaskStart } from "../testing/objects.ts";
import { judge, NOTHING_BEFORE, type Baseline, type Judgement } from "./judge.ts";
import { pictureOf } from "./picture.ts";

const web = aService("web");
const judged = (tasks: readonly TaskStart[], service: Service = web, baseline: Baseline = NOTHING_BEFORE): Judgement =>
  judge(
    pictureOf(
      service,
      tasks.map((start): Task => aTask(service, start)),
    ),
    baseline,
  );
const verdict = (...args: Parameters<typeof judged>): Judgement["verdict"] => judged(...args).verdict;

describe("a service", () => {
  it("converges while tasks are missing, and has when all run", () => {
    expect(judged([])).toMatchObject({ done: 0, total: 2, verdict: { kind: "converging" } });
    expect(judged([{ slot: 1 }, { slot: 2, state: "starting" }])).toMatchObject({
      done: 1,
      slots: [
        { name: "web.1", state: "running", done: true },
        { name: "web.2", state: "starting", done: false },
      ],
      verdict: { kind: "converging" },
    });
    expect(verdict([{ slot: 1 }, { slot: 2 }])).toEqual({ kind: "converged" });
  });

  it("has not converged while a health check isn't content", () => {
    expect(judged([{ slot: 1 }, { slot: 2, health: "starting" }])).toMatchObject({
      done: 1,
      slots: [{}, { state: "starting" }],
    });
    expect(verdict([{ slot: 1 }, { slot: 2, health: "healthy" }])).toEqual({ kind: "converged" });
  });

  it("has not converged while more tasks are wanted than replicas", () => {
    const fewer = aService("web", { Spec: { ...web.Spec, Mode: { Replicated: { Replicas: 1 } } } });
    expect(verdict([{ slot: 1 }, { slot: 2 }], fewer).kind).toBe("converging");
    expect(verdict([{ slot: 1 }, { slot: 2, desired: "shutdown", state: "shutdown" }], fewer).kind).toBe("converged");
  });

  it("that is stopped has converged when its last tasks have ended", () => {
    const stopped = aService("web", { Spec: { ...web.Spec, Murmur: { Stopped: true } } });
    const ending: TaskStart = { slot: 1, desired: "shutdown", state: "running" };
    const ended: TaskStart = { slot: 2, desired: "shutdown", state: "shutdown" };
    expect(judged([ending, ended], stopped)).toMatchObject({ done: 1, total: 2, noun: "stopped" });
    expect(verdict([ending, ended], stopped).kind).toBe("converging");
    expect(verdict([{ ...ending, state: "pending" }, ended], stopped).kind).toBe("converged");
    expect(verdict([], stopped).kind).toBe("converged");
  });

  it("of an older spec has to be updated", () => {
    expect(judged([{ slot: 1, specVersion: 3 }, { slot: 2 }])).toMatchObject({
      done: 1,
      slots: [{ state: "to be updated", done: false }, { done: true }],
    });
  });

  it("says why a task isn't placed, and what its last attempt failed of", () => {
    const [pending] = judged([{ slot: 1, state: "pending", error: "no suitable node" }]).slots;
    expect(pending?.problem).toBe("no suitable node");
    const [again] = judged([
      { slot: 1, id: "a", state: "failed", desired: "shutdown", error: "task: non-zero exit (1)" },
      { slot: 1, id: "b", state: "preparing", after: 5 },
    ]).slots;
    expect(again).toMatchObject({ state: "preparing", problem: "task: non-zero exit (1)" });
  });

  it("is given up when one slot has failed three times since the change", () => {
    const failures = [1, 2, 3].map((after): TaskStart => {
      return {
        slot: 1,
        id: `f${String(after)}`,
        state: "rejected",
        desired: "shutdown",
        error: "no such image",
        after,
      };
    });
    const tasks = [...failures, { slot: 1, id: "now", state: "preparing", after: 9 } as const, { slot: 2 }];
    expect(verdict(tasks)).toEqual({
      kind: "failed",
      reasons: ["tasks fail again and again (web.1: 3 times)", "web.1: no such image"],
    });
    const known = new Set([aTask(web, { slot: 1, id: "f1" }).ID]);
    expect(verdict(tasks, web, { ...NOTHING_BEFORE, taskIds: known }).kind).toBe("converging");
  });

  it("is stuck when a task ended for good and the others are where they should be", () => {
    const spent: TaskStart = { slot: 1, state: "failed", desired: "shutdown", error: "task: non-zero exit (3)" };
    expect(verdict([spent, { slot: 2 }])).toEqual({
      kind: "stuck",
      reasons: ["task web.1 is failed and isn't restarted: task: non-zero exit (3)"],
    });
    expect(verdict([spent, { slot: 2, state: "starting" }]).kind).toBe("converging");
    // A task that was stopped because there are fewer replicas now is nobody's failure.
    expect(verdict([{ slot: 1 }, { slot: 2 }, { ...spent, slot: 3 }]).kind).toBe("converged");
  });

  it("fails when it is removed meanwhile", () => {
    const reasons = ["the service was removed"];
    expect(judge({ service: undefined, tasks: new Map(), whole: true }, NOTHING_BEFORE).verdict).toEqual({
      kind: "failed",
      reasons,
    });
    expect(verdict([], aService("web", { Murmur: { SpecVersion: 1, Removing: true } }))).toEqual({
      kind: "failed",
      reasons,
    });
  });
});

describe("an update", () => {
  const at = "2026-11-21T03:01:00.000000000Z";
  const updating = (State: NonNullable<Service["UpdateStatus"]>["State"], Message: string): Service =>
    aService("web", { UpdateStatus: { State, StartedAt: at, Message } });

  it("that is paused fails with the task's own error", () => {
    const paused = updating("paused", "update paused due to failure or early termination of task x");
    expect(
      verdict([{ slot: 1, state: "failed", desired: "shutdown", error: "exec: no such file" }, { slot: 2 }], paused),
    ).toEqual({
      kind: "failed",
      reasons: ["service update paused due to failure or early termination of task x", "web.1: exec: no such file"],
    });
  });

  it("that is rolled back is announced, and fails when the old tasks run again", () => {
    const back = judged(
      [{ slot: 1 }, { slot: 2, state: "starting" }],
      updating("rollback_started", "rollback in progress"),
    );
    expect(back).toMatchObject({
      notice: "service rolled back: rollback in progress",
      verdict: { kind: "converging" },
    });
    const done = updating("rollback_completed", "rollback completed");
    expect(verdict([{ slot: 1 }, { slot: 2 }], done)).toEqual({
      kind: "failed",
      reasons: ["the update was rolled back"],
    });
  });

  it("that is rolled back has failed as soon as the old tasks run, before they were watched", () => {
    const back = updating("rollback_started", "rollback in progress");
    const failed: TaskStart = { slot: 1, id: "f", state: "rejected", desired: "shutdown", error: "no such image" };
    expect(verdict([failed, { slot: 1, after: 1 }, { slot: 2 }], back)).toEqual({
      kind: "failed",
      reasons: ["the update was rolled back", "web.1: no such image"],
    });
    expect(verdict([{ slot: 1 }, { slot: 2 }], back, { ...NOTHING_BEFORE, isRollback: true }).kind).toBe("converged");
  });

  it("that went back is what a rollback wants", () => {
    const done = updating("rollback_completed", "rollback completed");
    expect(verdict([{ slot: 1 }, { slot: 2 }], done, { ...NOTHING_BEFORE, isRollback: true }).kind).toBe("converged");
  });

  it("of an earlier day is not this one's failure", () => {
    const old = updating("rollback_completed", "rollback completed");
    expect(verdict([{ slot: 1 }, { slot: 2 }], old, { ...NOTHING_BEFORE, updateStartedAt: at }).kind).toBe("converged");
  });
});

describe("other modes", () => {
  it("a global service has as many tasks as it has", () => {
    const everywhere = aService("web", { Spec: { ...web.Spec, Mode: { Global: {} } } });
    expect(judged([], everywhere)).toMatchObject({ total: 0, verdict: { kind: "converging" } });
    expect(judged([{ slot: 1 }], everywhere)).toMatchObject({ done: 1, total: 1, verdict: { kind: "converged" } });
  });

  it("a job is done when its tasks are complete", () => {
    const run = { JobIteration: { Index: 2 }, LastExecution: "" };
    const job = aService("job", {
      Spec: { ...web.Spec, Mode: { ReplicatedJob: { TotalCompletions: 2, MaxConcurrent: 1 } } },
      JobStatus: run,
    });
    const tasks = (second: TaskStart): Task[] =>
      [{ slot: 1, state: "complete", desired: "complete" } as const, second].map((start) => ({
        ...aTask(job, start),
        JobIteration: { Index: 2 },
      }));
    const running = judge(pictureOf(job, tasks({ slot: 2, desired: "complete" })), NOTHING_BEFORE);
    expect(running).toMatchObject({ done: 1, total: 2, noun: "jobs", verdict: { kind: "converging" } });
    const done = judge(pictureOf(job, tasks({ slot: 2, state: "complete", desired: "shutdown" })), NOTHING_BEFORE);
    expect(done.verdict.kind).toBe("converged");
  });

  it("a job's first run is one slot wherever it is tried, although Docker's number of it is left out", () => {
    const job = aService("job", {
      Spec: { ...web.Spec, Mode: { ReplicatedJob: { TotalCompletions: 1, MaxConcurrent: 1 } } },
      JobStatus: { JobIteration: { Index: 2 }, LastExecution: "" },
    });
    const attempt = (NodeID: string, start: Omit<TaskStart, "slot">): Task => {
      const { Slot: _none, ...task } = aTask(job, { slot: 1, id: NodeID, ...start });
      return { ...task, NodeID, JobIteration: { Index: 2 } };
    };
    const failed = attempt("n1", { state: "failed", desired: "shutdown" });
    const again = attempt("n2", { state: "running", desired: "complete", after: 5 });
    expect(judge(pictureOf(job, [failed, again]), NOTHING_BEFORE).slots.map(({ name }) => name)).toEqual(["web.1"]);
  });
});
