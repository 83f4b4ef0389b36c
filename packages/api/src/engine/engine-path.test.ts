import { createServer } from "node:http";
import { ManualClock } from "@murmur/base";
import { expect, it } from "vitest";
import { listenAnywhere } from "../testing/served.ts";
import { enginePath } from "./engine-path.ts";
import { openEngine } from "./http-engine.ts";

it("an engine is asked in a version that it speaks, also when it has become too busy to say so", async () => {
  let isBusy = true;
  const server = createServer((request, response) => {
    if (isBusy) request.socket.destroy();
    else response.writeHead(200, { "api-version": "1.41" }).end("OK");
  });
  const clock = new ManualClock();
  const engine = openEngine(await listenAnywhere(server), clock);
  const { signal } = new AbortController();
  const known = async () => [await engine.facts(signal), await enginePath(engine, "/v1.47/info")];
  const facts = { apiVersion: "1.41", builderVersion: undefined, experimental: false, osType: "linux" };
  try {
    expect(await known()).toEqual([undefined, "/v1.47/info"]);
    isBusy = false;
    await clock.advance(2_000);
    // A process that is held up for long may miss an answer: it asks again.
    for (let tries = 0; tries < 10 && (await engine.facts(signal)) === undefined; tries += 1)
      await clock.advance(2_000);
    expect(await known()).toEqual([{ ...facts, answers: true }, "/v1.41/info"]);
    isBusy = true;
    await clock.advance(30_000);
    expect(await known()).toEqual([{ ...facts, answers: false }, "/v1.41/info"]);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
