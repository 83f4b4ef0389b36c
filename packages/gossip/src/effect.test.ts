import { expect, it } from "vitest";
import { Effects } from "./effect.ts";

it("warns of each topic once a minute", () => {
  const effects = new Effects();
  for (const now of [0, 1, 59_999, 60_000]) effects.warn("a", `a at ${now}`, now);
  effects.warn("b", "b at 60000", 60_000);
  const texts = effects.drain().map((effect) => (effect.kind === "warning" ? effect.text : effect.kind));
  expect(texts).toEqual(["a at 0", "a at 60000", "b at 60000"]);
  expect(effects.drain()).toEqual([]);
});
