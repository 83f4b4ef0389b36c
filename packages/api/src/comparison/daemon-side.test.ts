import { mkdtempDisposable } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DaemonSide } from "./daemon-side.ts";
import { plain } from "./plain.ts";

const OWN = "vhhgfuaaj5h0s424jslvdfmm9";
const LATER = "wc0ocuw66x91dljuh9pntf1uw";
const NEVER = "a".repeat(25);
const STEP = { ask: "POST /services/web/update?version={version:/services/web}", body: {} };

/** A daemon that refuses the first update for its version. */
async function daemon() {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await mkdtempDisposable(join(tmpdir(), "murmur-side-")));
  const socketPath = join(folder, "daemon.sock");
  let updates = 0;
  let connections = 0;
  const server = createServer((request, response) => {
    const { method, url = "" } = request;
    response.setHeader("content-type", "application/json");
    if (method === "POST" && (updates += 1) === 1) {
      response.writeHead(500).end('{"message":"rpc error: update out of sequence"}');
      return;
    }
    const service = { ID: OWN, Version: { Index: 7 } };
    const list = url.endsWith("/tasks") ? [{ ID: LATER }] : [];
    const isList = /\/(?:nodes|networks|services|tasks)$/.test(url);
    const named = { ...service, Mentions: `${LATER} and ${NEVER}` };
    response.end(JSON.stringify(isList ? list : method === "POST" ? service : named));
  });
  server.on("connection", () => (connections += 1));
  stack.defer(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  stack.defer(() => server.closeAllConnections());
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const open = stack.move();
  return {
    socketPath,
    updates: () => updates,
    connections: () => connections,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

it("takes a conflict for the answer, but of one that completes what was made a moment before", async () => {
  for (const completesLater of [false, true]) {
    await using other = await daemon();
    using side = new DaemonSide(other.socketPath, { completesLater });
    const { status } = await side.take(STEP);
    expect([status, other.updates()]).toEqual(completesLater ? [200, 2] : [500, 1]);
  }
});

it("asks all on one connection where it is to keep it", async () => {
  for (const keepsConnection of [false, true]) {
    await using other = await daemon();
    using side = new DaemonSide(other.socketPath, { keepsConnection });
    for (let count = 0; count < 3; count += 1) await side.take({ ask: "GET /services/web/logs", version: "" });
    expect(other.connections()).toEqual(keepsConnection ? 1 : expect.toSatisfy((count: number) => count > 2));
  }
});

it("knows for ids those that objects have, also what another mentioned before they were shown", async () => {
  await using other = await daemon();
  using side = new DaemonSide(other.socketPath);
  const answer = await side.take({ ask: "GET /services/web" });
  expect(plain(answer, side)).toMatchObject({ body: { ID: "<id>", Mentions: `<id> and ${NEVER}` } });
});
