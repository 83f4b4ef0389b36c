import { expect, it } from "vitest";
import { ReadOrder } from "./read-order.ts";

it("refuses a read that shows less than one that had ended before it began", () => {
  let now = 0;
  const reads = new ReadOrder(() => now);
  const first = reads.begin();
  const beside = reads.begin();
  now = 1_000;
  first(7);
  // It began before the first one ended: either order will do.
  beside(5);
  reads.begin()(7);
  expect(reads.problems()).toEqual([]);
  now = 2_000;
  reads.begin()(6);
  expect(reads.problems()).toEqual([
    "a stale read: begun at 2.0000 s, it shows version 6 at 2.0000 s; version 7 was read at 1.0000 s",
  ]);
});
