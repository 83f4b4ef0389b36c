import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { errorResponse } from "@murmur/api";
import { ManualClock, MisdirectedError, nodeId, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import { MemoryNetwork } from "@murmur/transport";
import { describe, expect, it } from "vitest";
import { fetchThrough, HTTP_METHOD, serveHttp } from "./http-stream.ts";
import { ManagerClient } from "./manager-client.ts";
import { during as passing } from "./testing/simulated-time.ts";

const [A, B] = [nodeId("a"), nodeId("b")];

function setup(answer: (request: Request) => Promise<Response>) {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, random: new SeededRandom(1) });
  const addressOf = (id: NodeId): string => `${id}:1`;
  const open = (nodeId_: NodeId) =>
    network.openPeerTransport({ nodeId: nodeId_, address: addressOf(nodeId_), addressOf, log: silentLog });
  const [client, server] = [open(A), open(B)];
  server.handleStream(HTTP_METHOD, (_from, body, stream) => serveHttp(stream, body, answer));
  /** Lets time pass until the work is done. */
  const during = <T>(work: Promise<T>): Promise<T> => passing(clock, work, { stepMs: 1, limitMs: 5_000 });
  const fetch = (path: string, init?: RequestInit): Promise<Response> =>
    during(fetchThrough(client, { peer: B }, new Request(`http://murmur${path}`, init)));
  return { during, fetch, network, client };
}

describe("HTTP through a peer", () => {
  it("carries method, path, headers, status and bodies", async () => {
    const { fetch, during } = setup(async (request) => {
      const body = await request.text();
      const { pathname, search } = new URL(request.url);
      const said = [request.method, pathname + search, request.headers.get("x-question"), body].join(" ");
      return new Response(said, { status: 201, headers: { "x-answer": "yes" } });
    });
    const response = await fetch("/services?a=b", { method: "POST", body: "hello", headers: { "x-question": "q" } });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-answer")).toBe("yes");
    expect(await during(response.text())).toBe("POST /services?a=b q hello");
  });

  it("carries large bodies both ways", async () => {
    const { fetch, during } = setup(async (request) => new Response(await request.arrayBuffer()));
    const sent = new Uint8Array(1_000_000).map((_, at) => at % 251);
    const response = await fetch("/", { method: "POST", body: sent });
    const received = new Uint8Array(await during(response.arrayBuffer()));
    expect(Buffer.compare(received, sent)).toBe(0);
  });

  it("goes on to the next one, body and all, from one that is no manager any more", async () => {
    const { client, network, during } = setup(() => Promise.resolve(errorResponse(new MisdirectedError("not me"))));
    const third = nodeId("c");
    const addressOf = (id: NodeId): string => `${id}:1`;
    const log = silentLog;
    const server = network.openPeerTransport({ nodeId: third, address: addressOf(third), addressOf, log });
    server.handleStream(HTTP_METHOD, (_from, body, stream) =>
      serveHttp(stream, body, async (request) => new Response(await request.text(), { status: 201 })),
    );
    const body = "x".repeat(300_000);
    const forward = (managers: readonly NodeId[]): Promise<Response> => {
      const random = new SeededRandom(1);
      const answer = (): Promise<never> => Promise.reject(new Error("not this way"));
      const options = { self: A, transport: client, managers: () => managers, isGone: (id: NodeId) => id === third };
      const request = new Request("http://murmur/services/create", { method: "POST", body });
      return during(new ManagerClient({ ...options, answer, random }).forward(request));
    };
    const response = await forward([B, third]);
    expect([response.status, await during(response.text())]).toEqual([201, body]);
    await expect(forward([B])).rejects.toMatchObject({
      code: "unavailable",
      message: "the managers are changing: try again in a moment",
    });
  });

  it("carries answers without a body", async () => {
    const { fetch } = setup(() => Promise.resolve(new Response(null, { status: 204 })));
    const response = await fetch("/");
    expect([response.status, response.body]).toEqual([204, null]);
  });

  it("tells the other side when nobody reads the answer any more", async () => {
    let cancelled = false;
    const { fetch, during } = setup((request) => {
      request.signal.addEventListener("abort", () => (cancelled = true));
      const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000)) });
      return Promise.resolve(new Response(endless));
    });
    const response = await fetch("/events");
    await during(response.body?.cancel() ?? Promise.resolve());
    await during(new Promise((resolve) => setImmediate(resolve)));
    for (let count = 0; count < 20 && !cancelled; count += 1) await during(Promise.resolve());
    expect(cancelled).toBe(true);
  });

  it("ends with the signal of the request, also when the request was forgotten long ago", async () => {
    let cancelled = false;
    const { fetch, during } = setup(async () => {
      const source = { pull: () => new Promise<void>(() => {}), cancel: () => void (cancelled = true) };
      return new Response(new ReadableStream(source));
    });
    const abort = new AbortController();
    const response = await fetch("/events", { signal: abort.signal });
    const ended = expect(response.body?.getReader().read()).rejects.toThrow("aborted");
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    for (let count = 0; count < 5; count += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (typeof collect === "function") collect();
    }
    abort.abort();
    for (let count = 0; count < 20 && !cancelled; count += 1) await during(Promise.resolve());
    expect(cancelled).toBe(true);
    await ended;
  });

  it("fails clearly when the handler fails, and when what arrives is no request", async () => {
    const failing = setup(() => Promise.reject(new Error("broken")));
    await expect(failing.fetch("/")).rejects.toThrow();
    const { client, during } = setup(() => Promise.resolve(new Response("")));
    const stream = await during(client.open(B, HTTP_METHOD, { method: 1 }));
    await expect(during(stream[Symbol.asyncIterator]().next())).rejects.toThrow("malformed request");
  });
});
