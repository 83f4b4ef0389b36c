import { array, assert, asyncProperty, integer, json, oneof, constant } from "fast-check";
import { Hono } from "hono";
import { expect, it } from "vitest";
import { listResponse } from "./list-response.ts";

const appOf = (texts: () => Iterable<string>): Hono =>
  new Hono().get("/list", (context) => listResponse(context, texts()));

it("is the array of its texts, whatever their sizes", async () => {
  const large = integer({ min: 1, max: 300_000 }).map((size) => JSON.stringify("ü".repeat(size)));
  const texts = array(oneof(json(), constant("{}"), large), { maxLength: 12 });
  await assert(
    asyncProperty(texts, async (list) => {
      const answer = await appOf(() => list).request("/list");
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(await answer.text()).toBe(`[${list.join(",")}]`);
    }),
    { numRuns: 40 },
  );
});

it("makes a long list as it is read, and nothing more once the reader has gone", async () => {
  let made = 0;
  const app = appOf(function* () {
    for (; made < 1_000; made += 1) yield JSON.stringify("x".repeat(100_000));
  });
  const answer = await app.request("/list");
  expect(made).toBeLessThan(10);
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.read();
  await reader?.cancel();
  await new Promise((resolve) => setImmediate(resolve));
  expect(made).toBeLessThan(20);
});
