import { createServer } from "node:http";
import { ClusterError, codeOf, messageOf } from "@murmur/base";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterEvent } from "../murmur-types.ts";
import { NODE_ONE, NODE_TWO } from "../testing/memory-cluster.ts";
import { DEAD_ADDRESS, listenAnywhere, serveApi, type Served } from "../testing/served.ts";
import { parseDaemonAddress } from "./daemon-address.ts";
import { MurmurClient } from "./murmur-client.ts";

let served: Served;
let client: MurmurClient;
beforeAll(async () => {
  served = await serveApi(DEAD_ADDRESS);
  client = new MurmurClient({ host: `unix://${served.socketPath}` });
});
afterAll(async () => {
  client[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

const failure = async (work: Promise<unknown>): Promise<ClusterError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ClusterError) return error;
  throw new Error(`no ClusterError: ${messageOf(error)}`);
};
const web = (name: string) => ({ Name: name, TaskTemplate: { ContainerSpec: { Image: "nginx" } } });

describe("the client", () => {
  it("speaks to every route that the command line needs", async () => {
    await client.ping();
    expect((await client.version()).ApiVersion).toBe("1.47");
    expect((await client.info()).Swarm.NodeID).toBe(NODE_ONE);
    expect((await client.cluster()).leader).toBe(NODE_ONE);
    expect((await client.health()).problems).toEqual(["the container engine doesn't answer"]);
    expect(await client.metrics()).toContain("murmur_up");
    const { joinToken } = await client.joinToken();
    expect((await client.rotateJoinToken()).joinToken).not.toBe(joinToken);
    const swarm = await client.swarm();
    await client.updateSwarm(swarm.Version.Index, { ...swarm.Spec, Murmur: { Voters: 5 } });
    expect((await client.cluster()).votersWanted).toBe(5);
  });

  it("manages services and tasks", async () => {
    const { ID } = await client.createService(web("web"));
    const service = await client.service("web");
    expect(service.ID).toBe(ID);
    const spec = { ...service.Spec, Mode: { Replicated: { Replicas: 4 } } };
    await client.updateService("web", { version: service.Version.Index, spec });
    const updated = await client.service(ID);
    await client.rollbackService(ID, { version: updated.Version.Index, spec });
    const [listed] = await client.services({ filters: { name: ["web"] }, status: true });
    expect(listed?.ServiceStatus?.DesiredTasks).toBe(1);
    expect(await client.tasks({ filters: { service: ["web"] } })).toEqual([]);
    expect((await failure(client.task("nope"))).message).toBe("task nope not found");
    await client.removeService("web");
    expect((await failure(client.service("web"))).code).toBe("not_found");
  });

  it("manages nodes", async () => {
    const node = await client.node("beta");
    await client.updateNode("beta", node.Version.Index, { ...node.Spec, Availability: "pause" });
    const [paused] = await client.nodes({ filters: { name: ["beta"] } });
    expect([paused?.ID, paused?.Spec.Availability]).toEqual([NODE_TWO, "pause"]);
    await client.removeNode("beta", { force: true });
    expect(await client.nodes()).toHaveLength(1);
  });

  it("throws what the daemon said, with its code", async () => {
    await client.createService(web("one"));
    const twice = await failure(client.createService(web("one")));
    expect([twice.code, twice.message]).toEqual([
      "name_conflict",
      expect.stringContaining("name conflicts with an existing object"),
    ]);
    const late = await failure(client.updateService("one", { version: 1, spec: web("one") }));
    expect(late.code).toBe("out_of_date");
    const unnamed = await failure(client.service("../nodes"));
    expect(unnamed.code).toBe("not_found");
  });

  it("follows events until it is left or aborted", async () => {
    const abort = new AbortController();
    const seen: ClusterEvent["kind"][] = [];
    for await (const event of client.events({ signal: abort.signal, kinds: ["node", "service"] })) {
      seen.push(event.kind);
      if (event.kind === "synced") await client.createService(web("while-watching"));
      if (event.kind === "service" && event.action === "put" && event.object.Spec.Name === "while-watching") break;
    }
    expect(seen.slice(0, 2)).toEqual(["snapshot", "node"]);
    const ended = (async () => {
      for await (const event of client.events({ signal: abort.signal })) if (event.kind === "synced") abort.abort();
    })();
    await ended;
    await client.ping();
  });
});

describe("many streams, one after the other", () => {
  it("leave no listeners behind, and an abort between two reads ends only the stream", async () => {
    const warnings: string[] = [];
    // Of listeners only: Node warns of other things as well, once in a process.
    const onWarning = ({ name }: Error): void => void (name.startsWith("MaxListeners") && warnings.push(name));
    process.on("warning", onWarning);
    try {
      for (let count = 0; count < 15; count += 1) {
        const abort = new AbortController();
        const events = client.events({ signal: abort.signal });
        await events.next();
        abort.abort();
        // Nobody reads now: the stream's end has nobody to tell.
        await new Promise((resolve) => setImmediate(resolve));
        await client.tasks({ signal: new AbortController().signal });
      }
    } finally {
      process.off("warning", onWarning);
    }
    expect(warnings).toEqual([]);
  });
});

describe("a daemon that can't be reached", () => {
  it("is said to be not running, and how to start it", async () => {
    const none = new MurmurClient({ host: "unix:///tmp/no-such-murmur.sock" });
    const error = await failure(none.ping());
    expect([error.code, error.message]).toEqual([
      "unavailable",
      "the Murmur daemon isn't running at unix:///tmp/no-such-murmur.sock: start it with `murmur daemon`",
    ]);
    const refused = new MurmurClient({ host: `tcp://${DEAD_ADDRESS.host}:${String(DEAD_ADDRESS.port)}` });
    expect((await failure(refused.ping())).message).toMatch(
      /^nobody listens at tcp:\/\/127\.0\.0\.1:\d+: start the daemon there with --api-addr$/,
    );
  });

  it("is not waited for longer than the time-out, nor after an abort", async () => {
    const silent = createServer(() => {});
    const address = await listenAnywhere(silent);
    const slow = new MurmurClient({
      host: `tcp://127.0.0.1:${"port" in address ? String(address.port) : ""}`,
      timeoutMs: 50,
    });
    const error = await failure(slow.ping());
    expect([error.code, error.message]).toEqual(["timeout", expect.stringContaining("didn't answer within 0.1 s")]);
    const abort = new AbortController();
    const waiting = failure(slow.version({ signal: abort.signal }));
    abort.abort();
    expect((await waiting).code).toBe("cancelled");
    slow[Symbol.dispose]();
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });

  it("is told from one that answers nonsense or breaks off", async () => {
    const odd = createServer((request, response) => {
      if (request.url === "/version") {
        response.setHeader("content-type", "application/json");
        response.end("{");
      } else if (request.url === "/info") {
        response.statusCode = 502;
        response.end("bad gateway");
      } else {
        request.socket.destroy();
      }
    });
    const address = await listenAnywhere(odd);
    using client = new MurmurClient({ host: `tcp://127.0.0.1:${"port" in address ? String(address.port) : ""}` });
    expect((await failure(client.version())).message).toBe("the daemon's answer is no JSON");
    expect((await failure(client.info())).message).toBe("bad gateway");
    expect((await failure(client.ping())).message).toContain("closed the connection");
    odd.closeAllConnections();
    await new Promise((resolve) => odd.close(resolve));
  });
});

describe("an address", () => {
  it.each([
    ["unix:///run/murmur/docker.sock", { socketPath: "/run/murmur/docker.sock" }],
    ["/run/murmur.sock", { socketPath: "/run/murmur.sock" }],
    ["tcp://10.0.0.1:2375", { host: "10.0.0.1", port: 2375 }],
    ["http://host:80/", { host: "host", port: 80 }],
    ["tcp://[fd00::1]:2375", { host: "fd00::1", port: 2375 }],
  ])("%s is read", (text, address) => expect(parseDaemonAddress(text)).toMatchObject(address));

  it.each([
    "",
    "unix://",
    "unix://relative",
    "tcp://host",
    "tcp://host:0",
    "tcp://host:99999",
    "ssh://host:22",
    "host:2375",
  ])("%j is refused", (text) => {
    let error: unknown;
    try {
      parseDaemonAddress(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(codeOf(error)).toBe("invalid_argument");
  });
});
