import { expect, it } from "vitest";
import { firstAnswer, hasGaps, isEmpty, isPartOf } from "../hosts/first-answer.ts";

/** Gives these answers in turn, an error as one that is thrown. */
function answering(...answers: readonly (string | Error)[]): () => Promise<string> {
  const left = [...answers];
  return async () => {
    const answer = left.shift() ?? "asked too often";
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

it("asks again while there is no answer, and gives the first one, though a better one would come", async () => {
  expect(await firstAnswer("a name", answering("", "", "wrong", "right"), isEmpty)).toBe("wrong");
});

it("an error is an answer", async () => {
  const asked = firstAnswer("a name", answering("", new Error("refused"), "right"), isEmpty);
  await expect(asked).rejects.toThrow("refused");
});

it("says what has been missing for too long", async () => {
  const asked = firstAnswer("a name", answering(""), isEmpty, { limitMs: -1 });
  await expect(asked).rejects.toThrow('missing for -1 ms: a name; last: ""');
});

it.each([
  [[], true],
  [["b"], true],
  [["b", "b", ""], true],
  [["a", "b", ""], true],
  [["a", "b", "a"], false],
  [["c"], false],
  [["c", ""], false],
])("%j is a part of two: %j", (answer, isPart) => {
  expect(isPartOf(["a", "b"])(answer)).toBe(isPart);
});

it.each([
  [["a", ""], true],
  [["", ""], true],
  [["a", "b"], false],
  [["", "a"], false],
  [["b", ""], false],
])("%j has gaps, and nothing that is wrong: %j", (answer, has) => {
  expect(hasGaps(["a", "b"])(answer)).toBe(has);
});
