import { taskId, type TaskStatus } from "@murmur/model";
import { beforeEach, describe, expect, it } from "vitest";
import { Reports } from "./reports.ts";

const [a, b] = [taskId("a"), taskId("b")];
const running: TaskStatus = { state: "running", at: 1, message: "started" };
const failed: TaskStatus = { state: "failed", at: 2, message: "started", error: "task: non-zero exit (1)" };

describe("reports", () => {
  let reports: Reports;
  beforeEach(() => (reports = new Reports()));

  it("tell the latest status of each task, in one report", () => {
    reports.status(a, running);
    reports.status(b, running);
    reports.status(a, failed);
    const statuses = [
      { id: a, status: failed },
      { id: b, status: running },
    ];
    expect(reports.next(0)).toEqual({ kind: "tasks", sequence: 1, statuses });
    expect(reports.next(0)).toBeUndefined();
  });

  it("are kept until they are confirmed", () => {
    reports.status(a, running);
    reports.next(0);
    expect(reports.size).toBe(1);
    reports.committed(1);
    expect(reports.size).toBe(0);
  });

  it("are not confirmed by the report of what was there before", () => {
    reports.status(a, running);
    reports.next(0);
    reports.status(a, failed);
    reports.committed(1);
    expect(reports.next(0)).toMatchObject({ sequence: 2, statuses: [{ id: a, status: failed }] });
  });

  it("go again on a new session, but not what was confirmed", () => {
    reports.status(a, running);
    reports.next(0);
    reports.committed(1);
    reports.status(b, running);
    reports.node({ engine: { state: "ready", message: "" } });
    reports.next(0);
    reports.next(0);
    reports.begin();
    expect(reports.next(1)).toMatchObject({ kind: "node" });
    expect(reports.next(1)).toMatchObject({ statuses: [{ id: b }] });
    expect(reports.next(1)).toBeUndefined();
  });

  it("go again when nobody confirms them in time", () => {
    reports.status(a, running);
    reports.next(100);
    reports.expire(100);
    expect(reports.next(101)).toBeUndefined();
    reports.expire(101);
    expect(reports.next(102)).toMatchObject({ kind: "tasks", sequence: 2 });
  });

  it("come in bounded pieces, and the wish for a full assignment first", () => {
    for (let number = 0; number < 600; number += 1) reports.status(taskId(String(number)), running);
    reports.acknowledge(7);
    reports.acknowledge(9);
    reports.resync();
    reports.node({ engine: { state: "down", message: "no socket" } });
    const sent = Array.from({ length: 7 }, () => reports.next(0));
    expect(sent.map((report) => report?.kind)).toEqual([
      "resync",
      "acknowledge",
      "node",
      "tasks",
      "tasks",
      "tasks",
      undefined,
    ]);
    expect(sent[1]).toEqual({ kind: "acknowledge", version: 9 });
    const sizes = sent.map((report) => (report?.kind === "tasks" ? report.statuses.length : 0));
    expect(sizes).toEqual([0, 0, 0, 256, 256, 88, 0]);
  });

  it("forget a task that the managers have forgotten", () => {
    reports.status(a, running);
    reports.drop(a);
    expect(reports.next(0)).toBeUndefined();
  });
});
