import { assert } from "@murmur/base";
import { taskId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { DockerEvent } from "../events/swarm-event.ts";
import { Asker, filters, spec } from "../testing/asker.ts";
import { pieces } from "../testing/fake-ports.ts";
import { MemoryCluster, NODE_ONE, NODE_TWO } from "../testing/memory-cluster.ts";

/** All that is under way has come as far as it can: it waits for nothing but the clock, which is the test's. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Events that are read as they come. */
class Reader {
  readonly events: DockerEvent[] = [];
  ended = false;
  readonly abort = new AbortController();

  async open(asker: Asker, path: string): Promise<void> {
    const response = await asker.api.fetch(new Request(`http://x${path}`, { signal: this.abort.signal }));
    assert(response.status === 200 && response.body !== null, `it answers: ${String(response.status)}`);
    const { body } = response;
    void (async () => {
      let text = "";
      for await (const piece of body) {
        const lines = (text + new TextDecoder().decode(piece)).split("\n");
        text = lines.pop() ?? "";
        this.events.push(...lines.filter((line) => line !== "").map((line) => JSON.parse(line) as DockerEvent));
      }
      this.ended = true;
    })().catch(() => (this.ended = true));
    await settled();
  }

  /** What came so far, in short. */
  get said(): readonly string[] {
    return this.events.map(({ Type, Action, Actor }) => `${Type} ${Action} ${Actor.Attributes["name"] ?? ""}`);
  }
}

async function world(path: string, replica = new MemoryCluster()): Promise<{ asker: Asker; reader: Reader }> {
  const asker = new Asker();
  asker.ports.replica = replica;
  asker.engine.streams.set("/events", () => ({ status: 200, body: pieces() }));
  const reader = new Reader();
  await reader.open(asker, path);
  return { asker, reader };
}

describe("docker's events", () => {
  it("tell of the ingress network like of any other, and once", async () => {
    const { asker, reader } = await world(`/events?${filters({ type: ["network"] })}`);
    const { Id } = (await asker.ask<{ Id: string }>("/networks/ingress")).body;
    await asker.ask("/networks/ingress", "DELETE");
    const version = asker.ports.replica?.store.view.cluster()?.version ?? 0;
    asker.ports.replica?.apply({ kind: "rotateJoinSecret", version, joinSecret: "other" });
    const again = { Name: "again", Driver: "overlay", Ingress: true };
    const { body: made } = await asker.ask<{ Id: string }>("/networks/create", "POST", again);
    await asker.ask("/networks/again", "DELETE");
    await settled();
    expect(reader.said).toEqual(["network remove ingress", "network create again", "network remove again"]);
    expect(reader.events.map(({ Actor }) => Actor.ID)).toEqual([Id, made.Id, made.Id]);
  });

  it("tell that a network is removed when it is for its users, and not again when its last task has stopped", async () => {
    const replica = new MemoryCluster({ dataPlane: "overlay" });
    const { asker, reader } = await world(`/events?${filters({ type: ["network"] })}`, replica);
    await asker.ask("/networks/create", "POST", { Name: "back", Driver: "overlay" });
    const Networks = [{ Target: "back" }];
    const id = await asker.create("web", { TaskTemplate: { ContainerSpec: { Image: "nginx" }, Networks } });
    asker.runTask("task", 1, "web");
    await asker.ask(`/services/${id}`, "DELETE");
    expect((await asker.ask("/networks/back", "DELETE")).status).toBe(204);
    await asker.ask("/networks/create", "POST", { Name: "back", Driver: "overlay" });
    const status = { state: "shutdown", at: 1, message: "stopped" } as const;
    replica.apply({ kind: "reportTasks", nodeId: NODE_ONE, statuses: [{ id: taskId("task"), status }] });
    await settled();
    expect(reader.said).toEqual(["network create back", "network remove back", "network create back"]);
    expect(replica.store.view.networks().map(({ spec }) => spec.name)).toEqual(["default", "back"]);
  });

  it("tell what is made, changed and removed, with what has changed", async () => {
    const { asker, reader } = await world("/events");
    const id = await asker.create("web", { Mode: { Replicated: { Replicas: 2 } } });
    const { Version } = await asker.inspect(id);
    const scaled = spec("web", { Mode: { Replicated: { Replicas: 3 } } });
    await asker.ask(`/services/${id}/update?version=${String(Version.Index)}`, "POST", scaled);
    await asker.ask(`/services/${id}`, "DELETE");
    asker.ports.replica?.apply({ kind: "setNodeState", id: NODE_TWO, state: "down", message: "gone" });
    await settled();
    expect(reader.said).toEqual(["service create web", "service update web", "service remove web", "node update beta"]);
    const [created, updated, , node] = reader.events;
    expect(created).toMatchObject({ scope: "swarm", Actor: { ID: id } });
    expect(updated?.Actor.Attributes).toMatchObject({ "replicas.old": "2", "replicas.new": "3" });
    expect(node?.Actor.Attributes).toEqual({ name: "beta", "state.old": "ready", "state.new": "down" });
  });

  it.each([
    [{ type: ["node"] }, ["node update beta"]],
    [{ event: ["create"] }, ["service create web", "service create db"]],
    [{ service: ["we"] }, ["service create web"]],
    [{ node: ["n2"] }, ["node update beta"]],
    [{ type: ["service"], label: ["name=db"] }, ["service create db"]],
    [{ scope: ["local"] }, []],
    [{ scope: ["swarm"], type: ["secret", "config"] }, []],
    [{ image: ["nginx"] }, []],
  ])("are filtered by %j", async (given, expected) => {
    const { asker, reader } = await world(`/events?${filters(given)}`);
    await asker.create("web");
    await asker.create("db");
    asker.ports.replica?.apply({ kind: "setNodeState", id: NODE_TWO, state: "down", message: "gone" });
    await settled();
    expect(reader.said).toEqual(expected);
  });

  it("of the past are those that are remembered, and end where they are told to", async () => {
    const { asker } = await world("/events");
    await asker.create("web");
    const now = asker.ports.clock.now() / 1_000;
    const past = new Reader();
    await past.open(asker, `/events?since=${String(now - 60)}&until=${String(now)}`);
    expect([past.said, past.ended]).toEqual([["service create web"], true]);
    const none = new Reader();
    await none.open(asker, `/events?since=${String(now + 1)}&until=${String(now + 2)}`);
    expect([none.said, none.ended]).toEqual([[], false]);
    await asker.ports.clock.advance(3_000);
    await settled();
    expect(none.ended).toBe(true);
  });

  it("are merged with the engine's own", async () => {
    const asker = new Asker();
    const local = {
      Type: "container",
      Action: "start",
      Actor: { ID: "c1", Attributes: { name: "one" } },
      scope: "local",
    };
    asker.engine.streams.set("/events", () => ({ status: 200, body: pieces(`${JSON.stringify(local)}\n`) }));
    const reader = new Reader();
    await reader.open(asker, "/events");
    await asker.create("web");
    await settled();
    expect(reader.said).toEqual(["container start one", "service create web"]);
    const swarmOnly = new Reader();
    await swarmOnly.open(asker, `/events?${filters({ type: ["service"] })}`);
    await asker.create("db");
    await settled();
    expect(swarmOnly.said).toEqual(["service create db"]);
  });

  it("go on with another manager, from where they were", async () => {
    const { asker, reader } = await world("/events");
    await asker.create("web");
    await settled();
    const { replica } = asker.ports;
    asker.ports.replica = undefined;
    asker.ports.forward = (request) => {
      asker.ports.replica = replica;
      return asker.api.fetchForwarded(request);
    };
    await asker.ask("/_ping");
    for (let turn = 0; turn < 30 && asker.ports.replica === undefined; turn += 1) {
      await asker.ports.clock.advance(100);
      await settled();
    }
    await asker.create("db");
    await settled();
    expect(reader.said).toEqual(["service create web", "service create db"]);
  });

  it("are let go with their reader", async () => {
    const { asker, reader } = await world("/events");
    await settled();
    reader.abort.abort();
    await settled();
    await asker.ports.clock.advance(20_000);
    expect(asker.ports.clock.pending).toBe(0);
  });

  it.each([
    ["since=yesterday", "invalid since"],
    ["since=2000000000&until=1000000000", "cannot be after"],
    [filters({ colour: ["red"] }), "invalid filter 'colour'"],
  ])("are refused for %s", async (query, message) => {
    const { status, body } = await new Asker().ask(`/events?${query}`);
    expect([status, body.message]).toEqual([400, expect.stringContaining(message)]);
  });
});
