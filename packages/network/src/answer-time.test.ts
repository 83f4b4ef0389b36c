import { PassThrough } from "node:stream";
import { Socket } from "node:net";
import { ManualClock } from "@murmur/base";
import { beforeEach, expect, it } from "vitest";
import { timeAnswer } from "./answer-time.ts";

let clock: ManualClock;
let client: PassThrough & Socket;
let upstream: PassThrough & Socket;
let told: number[];

beforeEach(() => {
  clock = new ManualClock();
  [client, upstream] = [fakeSocket(), fakeSocket()];
  told = [];
  timeAnswer({ client, upstream }, clock, (ms) => told.push(ms));
});

/** Only its data events are of interest. */
const fakeSocket = (): PassThrough & Socket => Object.assign(Object.create(Socket.prototype), new PassThrough());

it("counts from the client's first byte to the task's", async () => {
  await clock.advance(5_000);
  client.emit("data", "GET");
  await clock.advance(30);
  client.emit("data", "more");
  await clock.advance(10);
  upstream.emit("data", "200");
  upstream.emit("data", "more");
  expect(told).toEqual([40]);
});

it("counts from the beginning where the task speaks first", async () => {
  await clock.advance(7);
  upstream.emit("data", "220");
  client.emit("data", "HELO");
  expect(told).toEqual([7]);
});
