import { createServer, type Server } from "node:http";
import { assert } from "@murmur/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApi } from "../app.ts";
import { MurmurClient } from "../client/murmur-client.ts";
import { NODE_ONE } from "../testing/memory-cluster.ts";
import { listenAnywhere, serveApi, type Served } from "../testing/served.ts";

const T1 = "t1aaaaaaaaaaaaaaaaaaaaaaa";
const T2 = "t2bbbbbbbbbbbbbbbbbbbbbbb";
const EXEC = "e".repeat(64);

/** An engine with one container, in which every command says its input again, in capitals, and exits with 7. */
function anEngine(asked: { method: string; url: string; body: string }[]): Server {
  const engine = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes: Buffer) => (body += bytes.toString()));
    request.on("end", () => {
      const { method = "", url = "" } = request;
      asked.push({ method, url, body });
      const labels = { "murmur.node.id": NODE_ONE, "murmur.task.id": T1 };
      const isT1 = url.includes(`murmur.task.id%3D${T1}`) || url.includes(encodeURIComponent(`murmur.task.id=${T1}`));
      const answers: Readonly<Record<string, unknown>> = {
        "/containers/json": isT1 ? [{ Id: "c1", Labels: labels }] : [],
        [`/exec/${EXEC}/json`]: { ContainerID: "c1", Running: false, ExitCode: 7, Pid: 0 },
        "/containers/c1/exec": { Id: EXEC },
        [`/exec/${EXEC}/resize`]: {},
      };
      const answer = answers[url.split("?", 1)[0] ?? ""];
      response.writeHead(answer === undefined ? 404 : method === "POST" ? 201 : 200, {
        "content-type": "application/json",
      });
      response.end(JSON.stringify(answer ?? { message: "page not found" }));
    });
  });
  engine.on("upgrade", (request, socket, head) => {
    const length = Number(request.headers["content-length"]);
    // A client that goes may end it as a reset.
    socket.on("error", () => {});
    let input = head.toString();
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    socket.on("data", (bytes: Buffer) => (input += bytes.toString()));
    socket.on("end", () => {
      asked.push({ method: "UPGRADE", url: request.url ?? "", body: input.slice(0, length) });
      socket.end(input.slice(length).toUpperCase());
    });
  });
  return engine;
}

let engine: Server;
let served: Served;
let client: MurmurClient;
let asked: { method: string; url: string; body: string }[];
beforeEach(async () => {
  asked = [];
  engine = anEngine(asked);
  served = await serveApi(await listenAnywhere(engine));
  client = new MurmurClient({ host: served.socketPath });
  const { ports } = served;
  const desk = createApi(ports);
  ports.askNode = (_node, request) => desk.fetchAsked(request);
  await client.createService({ Name: "web", TaskTemplate: { ContainerSpec: { Image: "nginx" } } });
  const service = ports.replica?.store.view.serviceByName("web");
  assert(service !== undefined, "it was made");
  ports.replica?.runTask(service, T1, 1);
  ports.replica?.runTask(service, T2, 2);
});
afterEach(async () => {
  client[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
  engine.closeAllConnections();
  await new Promise((resolve) => engine.close(resolve));
});

const CONFIG = { Cmd: ["tr"], AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: true };

describe("a command in a task's container", () => {
  it("is made, started with its input and output, and has an exit code", async () => {
    const id = await client.createExec("web.1." + T1, CONFIG);
    expect(JSON.parse(asked.find(({ url }) => url === "/containers/c1/exec")?.body ?? "")).toEqual(CONFIG);
    const exec = { task: T1, id };
    const connection = await client.startExec(exec, { tty: true, signal: new AbortController().signal });
    connection.write("hello ");
    connection.end("x".repeat(300_000));
    let said = "";
    for await (const bytes of connection) said += String(bytes);
    expect([said.slice(0, 8), said.length]).toEqual(["HELLO XX", 300_006]);
    expect(JSON.parse(asked.find(({ method }) => method === "UPGRADE")?.body ?? "")).toEqual({
      Detach: false,
      Tty: true,
    });
    expect(await client.exec(exec)).toEqual({ Running: false, ExitCode: 7 });
    await client.resizeExec(exec, { rows: 24, columns: 80 });
    expect(asked.at(-1)?.url).toBe(`/exec/${EXEC}/resize?h=24&w=80`);
    await client.killExec(exec, "SIGTERM");
  });

  it("is known under its own task only, and no engine's other commands are", async () => {
    const id = await client.createExec(T1, CONFIG);
    await expect(client.exec({ task: T2, id })).rejects.toMatchObject({ code: "not_found" });
    await expect(client.exec({ task: T1, id: "f".repeat(64) })).rejects.toMatchObject({ code: "not_found" });
    await expect(client.exec({ task: T1, id: "..%2Fcontainers" })).rejects.toMatchObject({ code: "not_found" });
    const signal = new AbortController().signal;
    await expect(client.startExec({ task: T2, id }, { tty: true, signal })).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(client.createExec(T2, CONFIG)).rejects.toThrow("has no container");
  });

  it("is refused for a task that isn't there or doesn't run", async () => {
    await expect(client.createExec("nothing", CONFIG)).rejects.toMatchObject({ code: "not_found" });
    const status = { state: "failed", at: 1, message: "", containerId: "c1", exitCode: 1 } as const;
    const [found] = [...(served.ports.replica?.store.view.tasks() ?? [])].filter(({ id }) => id === T1);
    assert(found !== undefined, "it is there");
    served.ports.replica?.apply({ kind: "reportTasks", nodeId: NODE_ONE, statuses: [{ id: found.id, status }] });
    await expect(client.createExec(T1, CONFIG)).rejects.toMatchObject({ code: "failed_precondition" });
  });

  it("whose client goes is let go", async () => {
    const id = await client.createExec(T1, CONFIG);
    const over = new AbortController();
    const connection = await client.startExec({ task: T1, id }, { tty: true, signal: over.signal });
    const count = (): Promise<number> =>
      new Promise((resolve) => engine.getConnections((_error, open) => resolve(open)));
    const before = await count();
    connection.write("hello");
    over.abort();
    await expect.poll(count, { timeout: 30_000 }).toBeLessThan(before);
  });
});
