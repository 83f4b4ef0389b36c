import { nodeId } from "@murmur/base";
import { expect, it } from "vitest";
import { AddressBook } from "./address-book.ts";

const id = nodeId("m");

it("lets a node move, and move on", () => {
  const book = new AddressBook();
  expect([book.moved(id, { from: "a", to: "b" }, 0), book.moved(id, { from: "b", to: "c" }, 1)]).toEqual([
    false,
    false,
  ]);
});

it("takes one that goes back and forth for two", () => {
  const book = new AddressBook();
  book.moved(id, { from: "a", to: "b" }, 0);
  expect(book.moved(id, { from: "b", to: "a" }, 1_000)).toBe(true);
});

it("lets a node return after a while", () => {
  const book = new AddressBook();
  book.moved(id, { from: "a", to: "b" }, 0);
  expect(book.moved(id, { from: "b", to: "a" }, 60_000)).toBe(false);
});
