import { mkdtemp, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, request, type IncomingMessage, type RequestListener } from "node:http";
import { connect, createServer as createNetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { ClusterError, MisdirectedError, silentLog } from "@murmur/base";
import { afterEach, describe, expect, it } from "vitest";
import { createApi } from "../app.ts";
import { FakePorts } from "../testing/fake-ports.ts";
import { DEAD_ADDRESS, listenAnywhere, serveApi, type Served } from "../testing/served.ts";
import { serve } from "./serve.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

/** A daemon in front of an engine that is this function. */
async function inFrontOf(
  engine: RequestListener,
  onUpgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => void,
): Promise<Served> {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url !== "/_ping") return engine(incoming, outgoing);
    outgoing.writeHead(200, { "Api-Version": "1.41", Ostype: "linux" });
    outgoing.end("OK");
  });
  if (onUpgrade !== undefined) {
    // A connection that was taken over may end as a reset, which nobody else hears.
    server.on("upgrade", (_, socket) => socket.on("error", () => {}));
    server.on("upgrade", onUpgrade);
  }
  const address = await listenAnywhere(server);
  const served = await serveApi(address);
  cleanups.push(async () => {
    await served[Symbol.asyncDispose]();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  // Its version is remembered once it has been heard, which a process that is held up for long may miss at first.
  const known = (): Promise<unknown> => served.ports.engine.facts(AbortSignal.timeout(30_000));
  await expect.poll(known, { timeout: 30_000 }).toBeDefined();
  return served;
}

function send(
  served: Served,
  path: string,
  options: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const outgoing = request({ socketPath: served.socketPath, path, agent: false, ...rest }, resolve);
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

/** Bytes in, all bytes out until the other side closes. */
function raw(served: Served, bytes: string, keepOpen = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(served.socketPath);
    socket.once("error", reject);
    let seen = "";
    socket.on("data", (chunk: Buffer) => (seen += chunk.toString("latin1")));
    socket.once("close", () => resolve(seen));
    if (keepOpen) socket.write(bytes);
    else socket.end(bytes);
  });
}

describe("passing through", () => {
  it("keeps method, path, query, headers and body, both ways", async () => {
    const seen: unknown[] = [];
    const served = await inFrontOf((incoming, outgoing) => {
      void text(incoming).then((body) => {
        seen.push([incoming.method, incoming.url, incoming.headers["x-registry-auth"], body]);
        outgoing.writeHead(201, "Made", { "X-One": "1", "Content-Length": "4" });
        outgoing.end("done");
      });
    });
    const answer = await send(served, "/v1.41/images/create?fromImage=a%2Fb", {
      method: "POST",
      body: "data",
      headers: { "X-Registry-Auth": "secret" },
    });
    expect([answer.statusCode, answer.statusMessage, answer.headers["x-one"], await text(answer)]).toEqual([
      201,
      "Made",
      "1",
      "done",
    ]);
    expect(seen).toEqual([["POST", "/v1.41/images/create?fromImage=a%2Fb", "secret", "data"]]);
  });

  it("doesn't ask the engine to close: its answer could be lost to a write that comes too late", async () => {
    const served = await inFrontOf((incoming, outgoing) => outgoing.end(incoming.headers.connection));
    const headers = { Connection: "close" };
    expect(await text(await send(served, "/containers/create", { method: "POST", body: "{}", headers }))).toBe(
      "keep-alive",
    );
  });

  it("lowers a version that the engine doesn't speak, and no other", async () => {
    const served = await inFrontOf((incoming, outgoing) => outgoing.end(incoming.url));
    expect(await text(await send(served, "/v1.47/containers/json?all=1"))).toBe("/v1.41/containers/json?all=1");
    expect(await text(await send(served, "/v1.30/containers/json"))).toBe("/v1.30/containers/json");
    expect(await text(await send(served, "/containers/json"))).toBe("/containers/json");
  });

  it("hands on what was read to see whose it is, as it came", async () => {
    const seen: unknown[] = [];
    const served = await inFrontOf((incoming, outgoing) => {
      void text(incoming).then((body) => {
        seen.push([incoming.method, incoming.url, incoming.headers["content-type"], body]);
        outgoing.writeHead(incoming.method === "DELETE" ? 204 : 409, { "Content-Type": "application/json" });
        outgoing.end(incoming.method === "DELETE" ? undefined : '{"message": "taken"}');
      });
    });
    const headers = { "content-type": "application/json" };
    const body = '{"Name":  "é", "Odd": 1.0}\n';
    const answer = await send(served, "/v1.41/networks/create", { method: "POST", body, headers });
    expect([answer.statusCode, await text(answer)]).toEqual([409, '{"message": "taken"}']);
    const removed = await send(served, "/networks/local", { method: "DELETE" });
    expect([removed.statusCode, await text(removed)]).toEqual([204, ""]);
    expect(seen).toEqual([
      ["POST", "/v1.41/networks/create", "application/json", body],
      ["DELETE", "/networks/local", undefined, ""],
    ]);
  });

  it("streams: what the engine has sent arrives before it has sent all", async () => {
    let finish: () => unknown = () => {};
    const served = await inFrontOf((_, outgoing) => {
      outgoing.write("first");
      finish = () => outgoing.writableEnded || outgoing.end("last");
    });
    const answer = await send(served, "/containers/x/logs");
    const chunks: string[] = [];
    for await (const chunk of answer) {
      chunks.push(String(chunk));
      finish();
    }
    expect(chunks.join("")).toBe("firstlast");
  });

  it("sends the head of an answer that has no body yet", async () => {
    const served = await inFrontOf((_, outgoing) => outgoing.flushHeaders());
    const answer = await send(served, "/containers/c1/logs");
    expect(answer.statusCode).toBe(200);
    answer.destroy();
  });

  it("lets the engine know that the client has gone", async () => {
    const gone = Promise.withResolvers<void>();
    const served = await inFrontOf((incoming, outgoing) => {
      outgoing.flushHeaders();
      incoming.socket.once("close", () => gone.resolve());
    });
    (await send(served, "/containers/c1/logs")).destroy();
    await gone.promise;
  });

  it("breaks off when the engine does", async () => {
    const served = await inFrontOf((incoming, outgoing) => {
      outgoing.write("some");
      setImmediate(() => incoming.socket.destroy());
    });
    await expect(text(await send(served, "/containers/c1/logs"))).rejects.toThrow();
  });

  it("says so when there is no engine, and goes on serving what is its own", async () => {
    const served = await serveApi(DEAD_ADDRESS);
    cleanups.push(async () => served[Symbol.asyncDispose]());
    const answer = await send(served, "/containers/json");
    expect(answer.statusCode).toBe(503);
    expect(await text(answer)).toContain("the container engine doesn't answer");
    expect((await send(served, "/services")).statusCode).toBe(200);
    expect(await raw(served, UPGRADE)).toMatch(/^HTTP\/1.1 503 [\s\S]*the container engine doesn't answer/);
  });
});

const UPGRADE =
  "POST /v1.47/exec/x/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}";

describe("a manager that is taken out while it answers", () => {
  it("hands the body on that it has read already, of a length that was announced and of none", async () => {
    const served = await inFrontOf((_, outgoing) => outgoing.end());
    const { replica } = served.ports;
    if (replica === undefined) throw new Error("it is a manager");
    const stopping = async (): Promise<never> => {
      throw new MisdirectedError("this manager is stopping; ask another one");
    };
    Object.assign(replica, { read: stopping, submit: stopping });
    const handedOn: unknown[] = [];
    served.ports.forward = async (request) => {
      handedOn.push([request.method, new URL(request.url).pathname, await request.json()]);
      return Response.json({ ID: "x".repeat(25) }, { status: 201 });
    };
    const spec = { Name: "motto", Data: Buffer.from("dare").toString("base64") };
    const body = JSON.stringify(spec);
    for (const length of [{ "Content-Length": String(body.length) }, { "Transfer-Encoding": "chunked" }]) {
      const headers = { "Content-Type": "application/json", ...length };
      const answer = await send(served, "/v1.41/configs/create", { method: "POST", body, headers });
      expect([answer.statusCode, JSON.parse(await text(answer))]).toEqual([201, { ID: "x".repeat(25) }]);
    }
    expect(handedOn).toEqual([1, 2].map(() => ["POST", "/v1.41/configs/create", spec]));
  });
});

describe("taking a connection over", () => {
  it("passes the body on as the body, and all after it as the stream", async () => {
    const seen: string[] = [];
    const served = await inFrontOf(
      (_, outgoing) => outgoing.end(),
      (incoming, socket, head) => {
        seen.push(`${incoming.url ?? ""} ${incoming.headers["content-length"] ?? ""}`);
        socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello ");
        let data = head.toString();
        socket.on("data", (chunk: Buffer) => (data += chunk.toString()));
        socket.on("end", () => socket.end(`heard ${data}`));
      },
    );
    const answer = await raw(served, `${UPGRADE}more`);
    expect(seen).toEqual(["/v1.41/exec/x/start 2"]);
    expect(answer).toMatch(/^HTTP\/1.1 101 UPGRADED\r\n/);
    // The engine's parser leaves the body to the upgrade handler too.
    expect(answer).toMatch(/hello heard \{\}more$/);
  });

  it("goes on in one direction when the other has ended", async () => {
    const served = await inFrontOf(
      (_, outgoing) => outgoing.end(),
      (_, socket) => {
        socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        socket.resume();
        socket.on("end", () => socket.end("x".repeat(500_000)));
      },
    );
    expect((await raw(served, UPGRADE)).length).toBeGreaterThan(500_000);
  });

  it("gives a refusal back and ends the connection", async () => {
    const served = await inFrontOf(
      (_, outgoing) => outgoing.end(),
      (_, socket) =>
        socket.end("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
    );
    const answer = await raw(served, UPGRADE, true);
    expect(answer).toMatch(/^HTTP\/1.1 404 Not Found\r\n[\s\S]*Connection: close\r\n\r\n\{\}$/);
  });

  it("drops the engine's side once what it says has nowhere to go", async () => {
    const gone = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    const served = await inFrontOf(
      (_, outgoing) => outgoing.end(),
      (_, socket) => {
        socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        const talking = setInterval(() => socket.write("tick"), 5);
        socket.on("error", () => {});
        socket.once("close", () => {
          clearInterval(talking);
          gone.resolve();
        });
        taken.resolve();
      },
    );
    const socket = connect(served.socketPath);
    socket.write(UPGRADE);
    await taken.promise;
    socket.destroy();
    await gone.promise;
  });

  it("refuses a body whose end can't be known", async () => {
    const served = await inFrontOf((_, outgoing) => outgoing.end());
    const answer = await raw(served, UPGRADE.replace("Content-Length: 2", "Transfer-Encoding: chunked"));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it("passes over the wish on Murmur's own paths", async () => {
    const served = await inFrontOf((_, outgoing) => outgoing.end());
    const answer = await raw(
      served,
      "GET /services HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 OK[\s\S]*\[\]/);
  });
});

describe("what is no proper HTTP", () => {
  it.each([
    ["noise", "\x16\x03\x01\x02\r\n\r\n", 400],
    ["a head that is too long", `GET /services HTTP/1.1\r\nX: ${"x".repeat(70_000)}\r\n\r\n`, 431],
    ["a bad length", "POST /services/create HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400],
  ])("gets an answer: %s", async (_, bytes, status) => {
    const served = await inFrontOf((__, outgoing) => outgoing.end());
    const answer = await raw(served, bytes, true);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${String(status)} [\\s\\S]*\\{"message":".+"\\}\\n$`));
  });

  it.each(["%2Fvar%2Frun%2Fdocker.sock", "", "a b", "docker"])("doesn't care for the host %j", async (host) => {
    const served = await inFrontOf((_, outgoing) => outgoing.end());
    const answer = await raw(served, `GET /services HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, true);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it("survives clients that leave in the middle", async () => {
    const served = await inFrontOf((_, outgoing) => outgoing.end());
    for (const bytes of ["POST /services/create HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "GET /ser", ""]) {
      await new Promise<void>((resolve) => {
        const socket = connect(served.socketPath, () => {
          socket.write(bytes, () => socket.destroy());
        });
        socket.once("close", () => resolve());
      });
    }
    expect((await send(served, "/services")).statusCode).toBe(200);
  });
});

describe("many requests at once", () => {
  // More than are worked on at once, and nothing happens that they would be told of.
  it("are served beside any number of those that last", async () => {
    const served = await inFrontOf((_incoming, outgoing) => outgoing.end());
    const streams = await Promise.all(Array.from({ length: 300 }, () => send(served, "/murmur/events")));
    expect(new Set(streams.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
    const answers = await Promise.all(Array.from({ length: 300 }, () => send(served, "/services")));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
    for (const stream of streams) stream.destroy();
  });

  it("are not begun for a client that has gone while it waited", async () => {
    const ports = FakePorts.onManualClock();
    const asked: string[] = [];
    const real = createApi(ports);
    const api = {
      ...real,
      fetch: (incoming: Request): Promise<Response> => {
        asked.push(new URL(incoming.url).pathname);
        return real.fetch(incoming);
      },
    };
    const home = await mkdtemp(join(tmpdir(), "murmur-api-"));
    cleanups.push(() => rm(home, { recursive: true }));
    const socketPath = join(home, "s.sock");
    const listening = { api, engine: ports.engine, clock: ports.clock, log: silentLog, listen: { socketPath } };
    const server = await serve(listening);
    cleanups.push(async () => server[Symbol.asyncDispose]());
    const served = { socketPath } as Served;
    const streams = await Promise.all(Array.from({ length: 128 }, () => send(served, "/murmur/events")));
    const gone = request({ socketPath, path: "/nodes", agent: false });
    gone.on("error", () => {});
    gone.end();
    await new Promise((resolve) => gone.once("finish", resolve));
    // What is no HTTP is refused at once: by then all from before has been seen.
    await raw(served, "no HTTP\r\n\r\n");
    gone.destroy();
    for (let count = 0; count < 3; count += 1) await raw(served, "no HTTP\r\n\r\n");
    const waiting = send(served, "/services");
    for (let count = 0; count < 3; count += 1) await raw(served, "no HTTP\r\n\r\n");
    expect(asked).not.toContain("/services");
    await ports.clock.advance(500);
    await waiting;
    expect(asked.filter((path) => path !== "/murmur/events")).toEqual(["/services"]);
    for (const stream of streams) stream.destroy();
  });
});

describe("the socket", () => {
  const options = (socketPath: string) => {
    const ports = FakePorts.onManualClock();
    return { api: createApi(ports), engine: ports.engine, clock: ports.clock, log: silentLog, listen: { socketPath } };
  };
  async function folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), "murmur-api-"));
    cleanups.push(() => rm(path, { recursive: true }));
    return path;
  }
  const there = (path: string): Promise<boolean> =>
    stat(path).then(
      () => true,
      () => false,
    );
  const codeOfFailure = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.then(
      () => undefined,
      (failure: unknown) => failure,
    );
    return error instanceof ClusterError ? error.code : String(error);
  };

  it("is for its owner and group, and goes with the server", async () => {
    const path = join(await folder(), "s.sock");
    const server = await serve(options(path));
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    await server[Symbol.asyncDispose]();
    expect(await there(path)).toBe(false);
  });

  it("takes the place of one that a killed process left", async () => {
    const path = join(await folder(), "s.sock");
    const left = createNetServer().listen(path);
    await new Promise((resolve) => left.once("listening", resolve));
    // Its file stays when the server that made it goes by another name.
    const other = `${path}.kept`;
    await rename(path, other);
    await new Promise((resolve) => left.close(resolve));
    await rename(other, path);
    const server = await serve(options(path));
    await server[Symbol.asyncDispose]();
  });

  it("is not taken from a daemon that answers", async () => {
    const path = join(await folder(), "s.sock");
    const server = await serve(options(path));
    expect(await codeOfFailure(serve(options(path)))).toBe("already_exists");
    expect(await there(path)).toBe(true);
    await server[Symbol.asyncDispose]();
  });

  it("is not put in place of something else, nor under a path that is too long", async () => {
    const home = await folder();
    await writeFile(join(home, "file"), "precious");
    await symlink(join(home, "file"), join(home, "link"));
    expect(await codeOfFailure(serve(options(join(home, "file"))))).toBe("invalid_argument");
    expect(await codeOfFailure(serve(options(join(home, "link"))))).toBe("invalid_argument");
    expect(await codeOfFailure(serve(options(join(home, "x".repeat(100)))))).toBe("invalid_argument");
    expect(await codeOfFailure(serve(options(join(home, "no/such/folder"))))).toBe("unavailable");
  });

  it("ends streams that would never end by themselves", async () => {
    const served = await inFrontOf((_, outgoing) => outgoing.flushHeaders());
    const passed = await send(served, "/containers/c1/logs");
    const own = await send(served, "/murmur/events");
    const broken = Promise.all([text(passed), text(own)].map((end) => end.catch(() => "")));
    passed.resume();
    await served[Symbol.asyncDispose]();
    await broken;
    expect(served.ports.replica?.watchers).toBe(1);
  });
});
