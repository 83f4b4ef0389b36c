import { SeededRandom } from "@murmur/base";
import { expect, it } from "vitest";
import { readQuery } from "./query.ts";
import { readResponse } from "./response.ts";
import { corpus, DnsFuzz, mutated } from "./testing/fuzz.ts";

/** Many more: `node scripts/fuzz-dns.ts`. */
const MESSAGES = 5_000;

it("has read what the corpus holds, good and bad", () => {
  const fuzz = new DnsFuzz(1);
  const kinds = corpus().map((message) => {
    fuzz.try(message);
    if (readResponse(message) !== undefined) return "response";
    return readQuery(message).kind;
  });
  // A change here means that messages are read otherwise than before.
  expect(kinds.join(" ")).toMatchInlineSnapshot(
    `"query query query query query query refused refused query query query query query query query query refused query response response response response response refused ignored refused ignored refused"`,
  );
});

it(`takes ${String(MESSAGES)} damaged messages`, () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
  const random = new SeededRandom(seed);
  const fuzz = new DnsFuzz(seed);
  const seeds = corpus();
  expect(
    () => {
      for (let count = 0; count < MESSAGES; count += 1) fuzz.try(mutated(seeds, random));
    },
    `SEED=${String(seed)}`,
  ).not.toThrow();
});
