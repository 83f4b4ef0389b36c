import { assert } from "@murmur/base";
import { beforeEach, describe, expect, it } from "vitest";
import { createApi } from "../app.ts";
import type { ClusterEvent } from "../murmur-types.ts";
import { FakePorts } from "../testing/fake-ports.ts";
import { NODE_TWO, type MemoryCluster } from "../testing/memory-cluster.ts";

let ports: FakePorts;
let replica: MemoryCluster;
beforeEach(() => {
  ports = FakePorts.onManualClock();
  assert(ports.replica !== undefined, "there is a replica");
  replica = ports.replica;
});

/** Reads the events of a stream one by one. */
class Reader {
  readonly abort = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #lines: string[] = [];

  async open(query = ""): Promise<Response> {
    const request = new Request(`http://x/murmur/events${query}`, { signal: this.abort.signal });
    const response = await createApi(ports).fetch(request);
    this.#reader = response.body?.getReader();
    return response;
  }

  /** The next line; "" is a heartbeat, undefined the end. */
  async line(): Promise<string | undefined> {
    while (this.#lines.length === 0) {
      const next = await this.#reader?.read();
      if (next === undefined || next.done) return undefined;
      this.#lines = new TextDecoder().decode(next.value).split("\n").slice(0, -1);
    }
    return this.#lines.shift();
  }

  async event(): Promise<ClusterEvent> {
    const line = await this.line();
    if (line === undefined) throw new Error("the stream ended");
    return JSON.parse(line) as ClusterEvent;
  }

  /** Everything up to `synced`, in short. */
  async synced(): Promise<string[]> {
    const seen: string[] = [];
    for (let event = await this.event(); event.kind !== "synced"; event = await this.event()) seen.push(short(event));
    return seen;
  }

  async cancel(): Promise<void> {
    await this.#reader?.cancel();
  }
}

function short(event: ClusterEvent): string {
  if (event.kind === "snapshot" || event.kind === "synced") return event.kind;
  return `${event.action} ${event.kind} ${event.id.slice(0, 5)}`;
}

async function create(name: string): Promise<void> {
  const body = JSON.stringify({ Name: name, TaskTemplate: { ContainerSpec: { Image: "nginx" } } });
  const init = { method: "POST", body, headers: { "content-type": "application/json" } };
  const response = await createApi(ports).fetch(new Request("http://x/services/create", init));
  expect(response.status).toBe(201);
}

function runTask(id: string, slot: number): void {
  const [service] = replica.store.view.services();
  assert(service !== undefined, "there is a service");
  replica.runTask(service, id, slot);
}

/** Each API remembers what happened. */
const OWN_WATCHES = 1;

describe("the stream of events", () => {
  it("begins with all that there is", async () => {
    await create("web");
    runTask("task1", 1);
    const reader = new Reader();
    const response = await reader.open();
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    expect(await reader.synced()).toEqual([
      "snapshot",
      "put network net0a",
      "put node n1aaa",
      "put node n2bbb",
      "put service id001",
      "put task task1",
    ]);
    await reader.cancel();
  });

  it("goes on with what changes", async () => {
    const reader = new Reader();
    await reader.open();
    await reader.synced();
    await create("web");
    expect(await reader.event()).toMatchObject({ kind: "service", action: "put", object: { Spec: { Name: "web" } } });
    runTask("task1", 1);
    const states: unknown[] = [];
    for (let count = 0; count < 3; count += 1) {
      const event = await reader.event();
      if (event.kind === "task" && event.action === "put") states.push(event.object.Status.State);
    }
    expect(states).toEqual(["pending", "assigned", "running"]);
    replica.apply({ kind: "removeNode", id: NODE_TWO, force: true });
    expect(short(await reader.event())).toBe("remove node n2bbb");
    await reader.cancel();
  });

  it("can be narrowed to one service and to kinds", async () => {
    await create("web");
    await create("db");
    const [web] = replica.store.view.services();
    const one = new Reader();
    await one.open(`?service=${web?.id ?? ""}`);
    expect(await one.synced()).toEqual(["snapshot", "put service id001"]);
    const nodes = new Reader();
    await nodes.open("?kinds=node");
    expect(await nodes.synced()).toEqual(["snapshot", "put node n1aaa", "put node n2bbb"]);
    await one.cancel();
    await nodes.cancel();
    expect((await new Reader().open("?kinds=fish")).status).toBe(400);
  });

  it("gives a reader that fell behind a new snapshot, and never goes back in time", async () => {
    const reader = new Reader();
    await reader.open("?kinds=node");
    await reader.synced();
    // More than the watch holds, while nobody reads.
    for (let count = 0; count < 1_500; count += 1) {
      replica.apply({
        kind: "setNodeState",
        id: NODE_TWO,
        state: count % 2 === 0 ? "down" : "ready",
        message: String(count),
      });
    }
    const versions: number[] = [];
    expect(await reader.event()).toMatchObject({ kind: "snapshot" });
    for (let event = await reader.event(); event.kind !== "synced"; event = await reader.event()) {
      if (event.kind === "node" && event.action === "put") versions.push(event.version);
    }
    expect(Math.max(...versions)).toBe(replica.store.view.version);
    replica.apply({ kind: "setNodeState", id: NODE_TWO, state: "down", message: "last" });
    expect(await reader.event()).toMatchObject({ kind: "node", object: { Status: { Message: "last" } } });
    await reader.cancel();
  });

  it("says that it is alive", async () => {
    const reader = new Reader();
    await reader.open("?kinds=node");
    await reader.synced();
    const line = reader.line();
    await ports.clock.advance(0);
    expect(ports.clock.pending).toBe(1);
    await ports.clock.advance(9_999);
    expect(ports.clock.pending).toBe(1);
    await ports.clock.advance(1);
    expect(await line).toBe("");
    await reader.cancel();
  });

  it.each([
    ["is cancelled", (reader: Reader) => reader.cancel()],
    ["loses its client", async (reader: Reader) => reader.abort.abort()],
  ])("leaves nothing behind when it %s, waiting or not", async (_, end) => {
    for (const [before, waits] of [false, true].entries()) {
      const reader = new Reader();
      await reader.open("?kinds=node");
      await reader.synced();
      const waiting = waits ? reader.line().catch(() => undefined) : Promise.resolve(undefined);
      await ports.clock.advance(1);
      await end(reader);
      expect(await waiting).toBeUndefined();
      expect(replica.watchers).toBe(before + OWN_WATCHES);
      expect(ports.clock.pending).toBe(0);
    }
  });

  it("ends when the node is no manager any more", async () => {
    const reader = new Reader();
    await reader.open("?kinds=node");
    await reader.synced();
    const line = reader.line();
    await ports.clock.advance(0);
    ports.replica = undefined;
    await ports.clock.advance(10_000);
    expect(await line).toBe("");
    expect(await reader.line()).toBeUndefined();
    expect(replica.watchers).toBe(OWN_WATCHES);
  });
});
