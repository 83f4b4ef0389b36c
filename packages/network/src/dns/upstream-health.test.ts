import { expect, it } from "vitest";
import { UpstreamHealth } from "./upstream-health.ts";

it("asks in the given order, and those last that were silent three times in a row", () => {
  const health = new UpstreamHealth(3);
  health.silent(0, 0);
  health.silent(0, 0);
  health.answered(0);
  health.silent(0, 0);
  health.silent(0, 0);
  expect(health.order()).toEqual([0, 1, 2]);
  health.silent(0, 0);
  expect(health.order()).toEqual([1, 2, 0]);
  for (let count = 0; count < 3; count += 1) health.silent(1, 0);
  expect(health.order()).toEqual([2, 0, 1]);
  health.answered(0);
  expect(health.order()).toEqual([0, 2, 1]);
});

it("tries what it set aside again, after longer and longer times, once each", () => {
  const health = new UpstreamHealth(2);
  for (let count = 0; count < 100; count += 1) health.silent(1, 0);
  const probes: number[] = [];
  for (let now = 0; now < 300_000; now += 1_000) if (health.probe(now) === 1) probes.push(now / 1_000);
  expect(probes).toEqual([5, 15, 35, 75, 135, 195, 255]);
  health.answered(1);
  expect(health.probe(1_000_000)).toBeUndefined();
});
