import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createApi } from "./app.ts";
import { fromServiceSpec } from "./docker/service-spec.ts";
import { FakePorts } from "./testing/fake-ports.ts";
import { serviceSpecs } from "./testing/service-arbitrary.ts";

const POSTS = [
  "/services/create",
  "/networks/create",
  "/secrets/create",
  "/configs/create",
  "/services/web/update?version=1",
  "/nodes/alpha/update?version=1",
  "/swarm/update?version=1",
  "/swarm/init",
  "/swarm/join",
  "/murmur/cluster/init",
  "/murmur/node/join",
  "/murmur/cluster/leave",
];

/** A node that is in no cluster for the paths that lead into one. */
function answering(path: string): (request: Request) => Promise<Response> {
  const ports = FakePorts.onManualClock();
  if (/init|join/.test(path)) ports.leave();
  const api = createApi(ports);
  return (request) => api.fetch(request);
}

async function expectRefusal(response: Response, allowed: readonly number[] = []): Promise<void> {
  const text = await response.text();
  if (allowed.includes(response.status)) return;
  expect(response.status, text).toBeGreaterThanOrEqual(400);
  expect(response.status, text).toBeLessThan(500);
  const body = JSON.parse(text) as { message: unknown };
  expect(body.message).toEqual(expect.stringMatching(/^[^\n]+$/));
}

/** What every object of the language has, as a word and as a key. */
const odd = fc
  .constantFrom("toString", "constructor", "__proto__", "valueOf", "hasOwnProperty")
  .chain((word) => fc.constantFrom<unknown>(word, [word], JSON.parse(`{"${word}":"x"}`)));

/** An object without fields is whole here; where Docker passes over fields that it doesn't know, also one with those. */
const TAKES_OBJECTS = ["/swarm/init", "/swarm/update?version=1", "/murmur/cluster/init", "/murmur/cluster/leave"];

/** Now and then a text is `{}`, or has a field. */
function isObject(text: string): boolean {
  try {
    return JSON.stringify(JSON.parse(text)).startsWith("{");
  } catch {
    return false;
  }
}

/** What may be the answer to a text, beside a refusal: texts that don't ask for a network of the cluster are the engine's. */
function takenAs(path: string, text: string): readonly number[] {
  if (path.includes("networks")) return [201];
  return TAKES_OBJECTS.includes(path) && isObject(text) ? [200] : [];
}

const post = (path: string, body: string): Request =>
  new Request(`http://x${path}`, { method: "POST", body, headers: { "content-type": "application/json" } });

describe("malformed requests", () => {
  it.each(POSTS)("%s with any text is refused", async (path) => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.string({ unit: "binary" })), async (text) => {
        await expectRefusal(await answering(path)(post(path, text)), takenAs(path, text));
      }),
      { numRuns: 40 },
    );
  });

  it.each(POSTS)("%s with nothing, and with what is no object, is refused", async (path) => {
    for (const text of ["", " ", "[]", "[{}]", "1", "true", "null", '""', "{"])
      await expectRefusal(await answering(path)(post(path, text)), path.includes("networks") ? [201] : []);
  });

  it.each(POSTS)("%s with any JSON is taken or refused, and never fails", async (path) => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        await expectRefusal(
          await answering(path)(post(path, text)),
          [200, 201, 500, 501].slice(0, path.includes("version") ? 3 : 2),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("takes a service with one field replaced by anything, or refuses it", async () => {
    const answer = answering("/services/create");
    await fc.assert(
      fc.asyncProperty(serviceSpecs, fc.oneof(fc.jsonValue(), odd), fc.nat(), async (spec, value, where) => {
        const body: unknown = JSON.parse(JSON.stringify(fromServiceSpec(spec)));
        const places = placesIn(body);
        const place = places[where % places.length];
        place?.(value);
        // 501: SCTP, which the data plane ports does not carry.
        await expectRefusal(await answer(post("/services/create", JSON.stringify(body))), [201, 501]);
      }),
      { numRuns: 300 },
    );
  });

  it.each(["toString", "constructor", "__proto__", "valueOf"])("takes no %s of a service for its own", async (word) => {
    const answer = answering("/services/create");
    const [spec] = fc.sample(serviceSpecs, { numRuns: 1, seed: 1 });
    const text = JSON.stringify(spec && fromServiceSpec(spec));
    for (const at of placesIn(JSON.parse(text)).keys()) {
      for (const value of [word, [word], JSON.parse(`{"${word}":"x"}`)] as const) {
        const body: unknown = JSON.parse(text);
        placesIn(body)[at]?.(value);
        await expectRefusal(await answer(post("/services/create", JSON.stringify(body))), [201, 501]);
      }
    }
  });

  it("survives any path and query", async () => {
    const answer = answering("/");
    const heads = [
      "/services",
      "/nodes",
      "/tasks",
      "/swarm",
      "/networks",
      "/murmur/join-token",
      "/v1.41/services",
      "/info",
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...heads), fc.string(), fc.string(), async (head, tail, query) => {
        const url = `http://x${head}/${encodeURIComponent(tail.toWellFormed())}?filters=${encodeURIComponent(query.toWellFormed())}`;
        await expectRefusal(await answer(new Request(url)), [200, 501]);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    "/services/%ZZ",
    "/services/%",
    "/services/%00",
    "/services/%E0%A4%A",
    "/nodes/%2e%2e",
    "/services/create/",
  ])("%s", async (path) => {
    await expectRefusal(await answering(path)(new Request(`http://x${path}`)), [200]);
  });

  it("refuses a body that is too long, before and while reading it", async () => {
    const answer = answering("/services/create");
    await expectRefusal(await answer(post("/services/create", `"${"x".repeat(1_100_000)}"`)));
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)),
    });
    const init = {
      method: "POST",
      body: endless,
      duplex: "half" as const,
      headers: { "content-type": "application/json" },
    };
    const response = await answer(new Request("http://x/services/create", init));
    expect(await response.json()).toEqual({ message: "the body is longer than 1048576 bytes" });
  });

  it("refuses deep nesting and what is no JSON by its type", async () => {
    const answer = answering("/services/create");
    const deep = `{"Labels":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    await expectRefusal(await answer(post("/services/create", deep)));
    const form = new Request("http://x/services/create", {
      method: "POST",
      body: "a=b",
      headers: { "content-type": "text/plain" },
    });
    expect(await (await answer(form)).json()).toEqual({
      message: "unsupported Content-Type header (text/plain): must be 'application/json'",
    });
  });
});

/** Setters of every field of a JSON value. */
function placesIn(value: unknown): ((replacement: unknown) => void)[] {
  if (typeof value !== "object" || value === null) return [];
  const fields = value as Record<string, unknown>;
  return Object.keys(fields).flatMap((key) => [
    (replacement: unknown) => void (fields[key] = replacement),
    ...placesIn(fields[key]),
  ]);
}
