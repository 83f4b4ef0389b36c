import { expect, it } from "vitest";
import { swimConfig } from "./config.ts";
import { LocalHealth } from "./local-health.ts";

it("stays between 0 and its limit, and multiplies by one more", () => {
  const health = new LocalHealth(swimConfig({ healthMax: 8 }));
  health.change(-1);
  expect([health.score, health.factor]).toEqual([0, 1]);
  health.change(3);
  expect([health.score, health.factor]).toEqual([3, 4]);
  health.change(100);
  expect([health.score, health.factor]).toEqual([8, 9]);
});

it("changes no time without LHA-Probe", () => {
  const health = new LocalHealth(swimConfig({ lhaProbe: false }));
  health.change(5);
  expect(health.factor).toBe(1);
});
