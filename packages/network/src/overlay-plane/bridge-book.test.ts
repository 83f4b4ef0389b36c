import { ManualClock, Scope, silentLog } from "@murmur/base";
import { networkId } from "@murmur/model";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BridgeBook } from "./bridge-book.ts";
import { bridgeOf } from "./overlay-state.ts";

const NETWORK = { id: networkId("n1"), name: "back" };
const BRIDGE = bridgeOf(NETWORK.id);

let clock: ManualClock;
let scope: Scope;
/** What the host has, and how often its engine was asked. */
let host: { bridges: ReadonlySet<string>; asked: number; changes: number };
let ensure: () => Promise<void>;
let book: BridgeBook;

beforeEach(() => {
  clock = new ManualClock();
  scope = new Scope(silentLog);
  host = { bridges: new Set(), asked: 0, changes: 0 };
  book = new BridgeBook({
    maker: {
      ensure: () => {
        host.asked += 1;
        return ensure();
      },
    },
    known: () => new Set([NETWORK.id]),
    look: async () => host.bridges,
    onChange: () => void (host.changes += 1),
    clock,
    log: silentLog,
    scope,
  });
});
afterEach(() => scope[Symbol.asyncDispose]());

it("asks for a bridge that isn't there, once at a time, and says when it is", async () => {
  const made = Promise.withResolvers<void>();
  ensure = () => made.promise;
  expect(await book.ready([NETWORK])).toEqual([]);
  expect(await book.ready([NETWORK])).toEqual([]);
  expect(host).toMatchObject({ asked: 1, changes: 0 });
  host.bridges = new Set([BRIDGE]);
  made.resolve();
  await clock.advance(0);
  expect(host).toMatchObject({ asked: 1, changes: 1 });
  expect(await book.ready([NETWORK])).toEqual([NETWORK]);
});

it("asks again, and ever more seldom, while the engine refuses, or has it without a bridge that is up", async () => {
  ensure = () => Promise.reject(new Error("no room"));
  await book.ready([NETWORK]);
  await clock.advance(0);
  expect(book.problems()).toEqual(["network back can't be had on this node: no room"]);
  ensure = () => Promise.resolve();
  await clock.advance(250);
  expect(book.problem(NETWORK.id)).toContain(`the engine's bridge ${BRIDGE} is missing or down`);
  expect(host).toMatchObject({ asked: 2, changes: 0 });
  await clock.advance(60_000);
  expect(host.asked).toBeLessThan(15);
  host.bridges = new Set([BRIDGE]);
  await clock.advance(10_000);
  expect(book.problems()).toEqual([]);
  expect(await book.ready([NETWORK])).toEqual([NETWORK]);
});

it("asks no more for what nobody needs", async () => {
  ensure = () => Promise.reject(new Error("no room"));
  await book.ready([NETWORK]);
  await clock.advance(0);
  await book.ready([]);
  await clock.advance(60_000);
  expect([host.asked, book.problems(), clock.pending]).toEqual([1, [], 0]);
});
