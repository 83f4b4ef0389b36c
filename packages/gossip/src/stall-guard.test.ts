import { expect, it } from "vitest";
import { swimConfig } from "./config.ts";
import { StallGuard } from "./stall-guard.ts";

const config = swimConfig({ stallThresholdMs: 100, probeIntervalMs: 400 });

it("notices a call that is late by the threshold, and only that", () => {
  const guard = new StallGuard(config);
  expect([guard.check(1_000, 900), guard.check(1_000, 1_099)]).toEqual([undefined, undefined]);
  expect(guard.check(1_000, 1_100)).toEqual({ lostMs: 100, healthCost: 1 });
  expect(guard.stalls).toBe(1);
});

it("charges every probe interval begun, up to a limit", () => {
  const guard = new StallGuard(config);
  expect([400, 401, 30_000].map((late) => guard.check(0, late)?.healthCost)).toEqual([1, 2, 4]);
});

it("can be switched off", () => {
  expect(new StallGuard({ ...config, stallGuard: false }).check(0, 30_000)).toBeUndefined();
});
