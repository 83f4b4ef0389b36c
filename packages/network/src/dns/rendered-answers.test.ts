import { expect, it } from "vitest";
import { RenderedAnswers } from "./rendered-answers.ts";

const at = (turn: number, turns: number) => ({ turn, turns });

it("gives each turn's answer in its turn, and asks for those that are missing", () => {
  const answers = new RenderedAnswers();
  answers.put("x", Buffer.from("five"), at(5, 3));
  const rounds: (string | undefined)[] = [];
  for (let count = 0; count < 6; count += 1) {
    const entry = answers.get("x");
    const bytes = entry?.take();
    rounds.push(bytes?.toString());
    if (entry !== undefined && bytes === undefined) {
      answers.put("x", Buffer.from(String(entry.turn)), at(entry.turn, 3));
    }
  }
  expect(rounds).toEqual([undefined, undefined, "five", "6", "7", "five"]);
});

it("forgets all when it is full", () => {
  const answers = new RenderedAnswers();
  answers.put("first", Buffer.alloc(1), at(0, 1));
  for (let index = 0; index < 6_000; index += 1) answers.put("many", Buffer.alloc(1_000), at(index, 6_000));
  expect(answers.get("first")).toBeDefined();
  for (let index = 0; index < 6_000; index += 1) answers.put(String(index), Buffer.alloc(10), at(0, 1));
  expect(answers.get("first")).toBeUndefined();
  expect(answers.get("5999")?.take()).toBeDefined();
});
