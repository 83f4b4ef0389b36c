import { describe, expect, it } from "vitest";
import { frameOf, newLines, SLOTS_SHOWN_MAX } from "./frame.ts";
import type { Judgement, SlotProgress } from "./judge.ts";
import { TerminalDisplay } from "./display.ts";

const slot = (number: number, state: string, problem?: string): SlotProgress => ({
  name: `web.${String(number)}`,
  state,
  problem,
  done: state === "running",
});
const of = (...slots: readonly SlotProgress[]): Judgement => ({
  done: slots.filter(({ done }) => done).length,
  total: slots.length,
  noun: "tasks",
  slots,
  notice: undefined,
  verdict: { kind: "converging" },
});

describe("on a terminal", () => {
  it("progress looks as Docker's does", () => {
    expect(frameOf(of(slot(1, "running"), slot(2, "preparing"), slot(3, "pending", "no suitable node")), 100)).toEqual([
      "overall progress: 1 out of 3 tasks",
      `1/3: running   [${"=".repeat(50)}>]`,
      `2/3: preparing [${"=".repeat(31)}>${" ".repeat(19)}]`,
      "3/3: pending   no suitable node",
    ]);
  });

  it("no line is wider than the terminal, or drawing over it would miss", () => {
    for (const line of frameOf(of(slot(1, "pending", "x".repeat(300))), 40)) expect(line.length).toBeLessThan(40);
  });

  it("many tasks are one line", () => {
    const many = of(...Array.from({ length: SLOTS_SHOWN_MAX + 1 }, (_none, at) => slot(at + 1, "new")));
    expect(frameOf(many, 100)).toEqual(["overall progress: 0 out of 21 tasks"]);
  });

  it("lines are drawn over, and only when they differ", () => {
    let written = "";
    const display = new TerminalDisplay({
      writeBytes: async () => {},
      write: (text) => (written += text),
      isTerminal: true,
      rows: 24,
      columns: 80,
    });
    display.show(of(slot(1, "new")));
    written = "";
    display.show(of(slot(1, "new")));
    expect(written).toBe("");
    display.show(of(slot(1, "running")));
    expect(written.startsWith("\u001B[1A\u001B[2K".repeat(2))).toBe(true);
    expect(written.split("\n")).toHaveLength(3);
  });
});

describe("in a log", () => {
  it("there is a line for what is new, and no other", () => {
    const first = of(slot(1, "new"), slot(2, "new"));
    const second = of(slot(1, "running"), slot(2, "new"));
    expect(newLines(first, undefined)).toEqual(["overall progress: 0 out of 2 tasks", "web.1: new", "web.2: new"]);
    expect(newLines(second, first)).toEqual(["overall progress: 1 out of 2 tasks"]);
    expect(newLines(second, second)).toEqual([]);
    expect(newLines(of(slot(1, "running"), slot(2, "pending", "no node")), second)).toEqual([
      "web.2: pending: no node",
    ]);
  });
});
