import { ClusterError } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, exchangeIntervalFor, retransmitLimit, swimConfig } from "./config.ts";

describe("swimConfig", () => {
  it("accepts the defaults", () => expect(swimConfig()).toEqual(DEFAULT_CONFIG));

  it.each([{ probeIntervalMs: Number.NaN }, { membersMax: 1 }, { suspicionBeta: 0.5 }, { probeTimeoutMs: 400 }])(
    "refuses %j",
    (changes) => expect(() => swimConfig(changes)).toThrow(ClusterError),
  );
});

it("sends a rumour ceil(ln(n + 1) + margin) times", () => {
  expect([1, 9, 10, 99, 100].map((live) => retransmitLimit(swimConfig({ retransmitMargin: 8 }), live))).toEqual([
    9, 11, 11, 13, 13,
  ]);
});

it("exchanges states less often in larger clusters", () => {
  const config = swimConfig({ exchangeIntervalMs: 1_000 });
  expect([1, 32, 33, 64, 65, 1_024].map((live) => exchangeIntervalFor(config, live))).toEqual([
    1_000, 1_000, 2_000, 2_000, 3_000, 6_000,
  ]);
});
