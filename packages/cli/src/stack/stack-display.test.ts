import { expect, it } from "vitest";
import type { Judgement } from "../progress/judge.ts";
import { INERT_PORTS } from "../inert-ports.ts";
import { stackDisplayOn, stackFrame } from "./stack-display.ts";

const judgement = (done: number, problem?: string): Judgement => ({
  done,
  total: 2,
  noun: "tasks",
  slots: [{ name: "web.1", state: "preparing", problem, done: done === 2 }],
  notice: undefined,
  verdict: { kind: done === 2 ? "converged" : "converging" },
});

it("shows one line for each service, those that aren't done where there is no room for all", () => {
  const services = new Map([
    ["shop_db", judgement(2)],
    ["shop_web", judgement(1, "No such image")],
  ]);
  expect(stackFrame(services, { columns: 80, rows: 24 })).toEqual([
    "shop_db   2/2 tasks",
    "shop_web  1/2 tasks  preparing: No such image",
  ]);
  expect(stackFrame(services, { columns: 80, rows: 3 })).toEqual([
    "shop_web  1/2 tasks  preparing: No such image",
    "and 1 more",
  ]);
  expect(stackFrame(services, { columns: 30, rows: 24 })[1]).toHaveLength(29);
});

it("writes a line with the service's name when something is new, where there is no terminal", () => {
  let written = "";
  const display = stackDisplayOn({ ...INERT_PORTS.stdout, write: (text) => (written += text) });
  const web = display.of("shop_web");
  web.show(judgement(1));
  display.of("shop_db").show(judgement(2));
  web.show(judgement(1));
  expect(written).toBe(
    "shop_web: overall progress: 1 out of 2 tasks\nshop_web: web.1: preparing\nshop_db: overall progress: 2 out of 2 tasks\n",
  );
});
