import { ClusterError, nodeId, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import type { Manager, SessionChannel } from "@murmur/manager";
import type { PeerStream, PeerTransport } from "@murmur/transport";
import { describe, expect, it } from "vitest";
import { AgentSessions, channelOver } from "./agent-sessions.ts";

const signal = new AbortController().signal;
const turn = async (): Promise<void> => {
  for (let count = 0; count < 20; count += 1) await Promise.resolve();
};

function setup(reachable: readonly string[], serve?: (channel: SessionChannel) => Promise<void>) {
  const tried: NodeId[] = [];
  const streams: FakeStream[] = [];
  const transport = {
    open: (to: NodeId) => {
      tried.push(to);
      if (!reachable.includes(to)) return Promise.reject(new ClusterError("unavailable", `${to} is down`));
      const stream = new FakeStream(to);
      streams.push(stream);
      return Promise.resolve(stream);
    },
  } as unknown as PeerTransport;
  const own = serve === undefined ? undefined : ({ serveSession: serve } as unknown as Manager);
  const sessions = new AgentSessions({
    self: nodeId("self"),
    transport,
    managers: () => ["self", "a", "b", "c"].map(nodeId),
    local: () => own,
    generation: () => 0,
    random: new SeededRandom(1),
    log: silentLog,
  });
  return { sessions, tried, streams };
}

class FakeStream {
  readonly peer: NodeId;
  readonly written: unknown[] = [];
  aborted: unknown;
  constructor(peer: NodeId) {
    this.peer = peer;
  }
  async write(message: unknown): Promise<void> {
    this.written.push(message);
  }
  abort(error: unknown): void {
    this.aborted = error;
  }
  async *[Symbol.asyncIterator]() {
    yield { kind: "committed", sequence: 1 };
  }
}

describe("the agent's sessions", () => {
  it("go to the node's own manager first", async () => {
    const served: SessionChannel[] = [];
    const { sessions, tried } = setup(["a"], async (channel) => {
      served.push(channel);
      await new Promise<void>(() => {});
    });
    const session = await sessions.open({ signal, endpoints: 7 });
    await session.send({ kind: "resync" });
    expect(served[0]).toMatchObject({ nodeId: "self", endpoints: 7 });
    expect(tried).toEqual([]);
  });

  it("go to another one after the own manager could not serve, and then back to it", async () => {
    let fails = 1;
    const { sessions, tried } = setup(["a", "b", "c"], () => {
      fails -= 1;
      return fails >= 0 ? Promise.reject(new ClusterError("no_leader", "none")) : new Promise<void>(() => {});
    });
    const first = await sessions.open({ signal, endpoints: 7 });
    for await (const _ of first.messages) expect.unreachable();
    await turn();
    await sessions.open({ signal, endpoints: 7 });
    expect(tried).toHaveLength(1);
    await sessions.open({ signal, endpoints: 7 });
    expect(tried).toHaveLength(1);
  });

  it("go to any manager that can be reached, never to itself over the network", async () => {
    const { sessions, tried, streams } = setup(["c"]);
    const session = await sessions.open({ signal, endpoints: 7 });
    expect(tried.at(-1)).toBe("c");
    expect(tried).not.toContain("self");
    await session.send({ kind: "resync" });
    expect(streams[0]?.written).toEqual([{ kind: "resync" }]);
    for await (const message of session.messages) expect(message).toEqual({ kind: "committed", sequence: 1 });
    session.close();
    expect(String(streams[0]?.aborted)).toContain("closed its session");
  });

  it("fail with the last reason when nobody can be reached, and at once when they are not wanted any more", async () => {
    const { sessions, tried } = setup([]);
    await expect(sessions.open({ signal, endpoints: 7 })).rejects.toThrow("is down");
    expect(tried).toHaveLength(3);
    await expect(sessions.open({ signal: AbortSignal.abort(new Error("stop")), endpoints: 0 })).rejects.toThrow("stop");
    expect(tried).toHaveLength(3);
  });

  it("are channels for the manager on the other side", async () => {
    const stream = new FakeStream(nodeId("a"));
    const channel = channelOver(nodeId("a"), { generation: 1, endpoints: 12 }, stream as unknown as PeerStream);
    expect(channel.endpoints).toBe(12);
    await channel.write({ kind: "removed" });
    expect(stream.written).toEqual([{ kind: "removed" }]);
    channel.close();
    expect(String(stream.aborted)).toContain("the manager closed the session");
  });
});
