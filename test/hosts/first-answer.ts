import { setTimeout as sleep } from "node:timers/promises";
import { SOON } from "./host.ts";

/** Between looks, in ms. */
const EVERY_MS = 100;

/**
 * For an answer that may be missing for a moment but must never be wrong: a name, an endpoint, a page. Asks again only
 * while it is missing, `SOON` by default, and resolves with the first that isn't, right or wrong: a plain `expect` of the
 * caller judges it, once. So an answer that is wrong and rights itself fails the test. An error is no missing answer: it
 * rejects at once. Rejects, too, when the answer is still missing in the end.
 */
export async function firstAnswer<T>(
  what: string,
  ask: () => Promise<T>,
  isMissing: (answer: T) => boolean,
  { limitMs }: { readonly limitMs: number } = SOON,
): Promise<T> {
  const start = performance.now();
  for (;;) {
    const answer = await ask();
    if (!isMissing(answer)) return answer;
    if (performance.now() - start > limitMs)
      throw new Error(`missing for ${String(limitMs)} ms: ${what}; last: ${JSON.stringify(answer)}`);
    await sleep(EVERY_MS);
  }
}

/** A page, an address or an output that isn't there. */
export const isEmpty = (text: string): boolean => text === "";

/** Some of these are missing in an answer, or some of its pages are ("", which nobody gave), and nothing else is in it. */
export const isPartOf =
  (all: readonly string[]) =>
  (answer: readonly string[]): boolean =>
    answer.every((one) => one === "" || all.includes(one)) &&
    (answer.includes("") || new Set(answer).size < new Set(all).size);

/** As `isPartOf`, where each answer has its own place: those that are there are right. */
export const hasGaps =
  (all: readonly string[]) =>
  (answer: readonly string[]): boolean =>
    answer.includes("") && answer.every((one, at) => one === "" || one === all[at]);
