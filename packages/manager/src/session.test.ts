import { nodeId } from "@murmur/base";
import { serviceId, taskId, type AssignmentMessage, type EndpointPart, type Task } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Session, type NodeAssignment } from "./session.ts";
import { FakeChannel } from "./testing/fake-channel.ts";

const task = (id: string, version: number): Task => ({ id: taskId(id), version }) as unknown as Task;
const turn = async (): Promise<void> => {
  for (let count = 0; count < 20; count += 1) await Promise.resolve();
};

const part = (from: number, version: number, more: Partial<EndpointPart> = {}): EndpointPart => ({
  from,
  version,
  digest: 0,
  part: 0,
  more: false,
  networks: [],
  services: [],
  removedNetworks: [],
  removedServices: [],
  ...more,
});

const WHOLE = [part(0, 10, { more: true }), part(0, 10, { part: 1, more: true }), part(0, 10, { part: 2 })];

function setup({ endpoints = 0, blocked }: { readonly endpoints?: number; readonly blocked?: Promise<void> } = {}) {
  const channel = new FakeChannel(nodeId("n1"), endpoints);
  channel.blocked = blocked;
  const state: {
    version: number;
    full: NodeAssignment | undefined;
    endpoints: (since: number) => readonly EndpointPart[];
  } = {
    version: 10,
    endpoints: (since) => [part(since, state.version)],
    full: {
      version: 10,
      node: { spec: { labels: {}, availability: "active" } },
      tasks: [task("t1", 9)],
      cluster: { nodes: [], gossipKeys: [] },
    },
  };
  const session = new Session(channel, {
    assignment: () => state.full && { ...state.full, version: state.version },
    endpoints: (since) => state.endpoints(since),
    payloads: () => new Map(),
  });
  const writing = session.write(() => state.version);
  return { channel, state, session, writing };
}
const deltas = (channel: FakeChannel) =>
  channel.heard.filter((message): message is Extract<AssignmentMessage, { kind: "delta" }> => message.kind === "delta");

describe("a session", () => {
  it("sends the endpoints and a full assignment first, then what changes", async () => {
    const { channel, state, session } = setup();
    await turn();
    expect(channel.heard).toMatchObject([
      { kind: "endpoints", from: 0, version: 10 },
      { kind: "full", version: 10, tasks: [{ id: "t1" }] },
    ]);
    state.version = 11;
    session.taskChanged(taskId("t2"), task("t2", 11));
    session.taskChanged(taskId("t1"), undefined);
    await turn();
    expect(deltas(channel)).toMatchObject([{ from: 10, version: 11, updated: [{ id: "t2" }], removed: ["t1"] }]);
  });

  it("gathers what changes while a slow agent takes a message, and keeps only the latest of each task", async () => {
    const { channel, state, session } = setup();
    await turn();
    const { promise, resolve } = Promise.withResolvers<void>();
    channel.blocked = promise;
    for (let version = 11; version <= 500; version += 1) {
      state.version = version;
      session.taskChanged(taskId("t1"), task("t1", version));
      session.nodeChanged({ spec: { labels: { at: String(version) }, availability: "drain" } });
      await Promise.resolve();
    }
    channel.blocked = undefined;
    resolve();
    await turn();
    expect(deltas(channel)).toHaveLength(2);
    expect(deltas(channel)[1]).toMatchObject({ version: 500, updated: [{ version: 500 }] });
    expect(deltas(channel)[1]?.from).toBe(deltas(channel)[0]?.version);
    expect(deltas(channel)[1]?.node?.spec.labels).toEqual({ at: "500" });
  });

  it("starts over when the agent or the feed lost track", async () => {
    const { channel, state, session } = setup();
    await turn();
    state.version = 20;
    session.taskChanged(taskId("t1"), task("t1", 20));
    session.resync();
    await turn();
    expect(channel.heard.map(({ kind }) => kind)).toEqual(["endpoints", "full", "full"]);
    session.startOver();
    await turn();
    expect(channel.heard.slice(3)).toMatchObject([{ kind: "endpoints", from: 0 }, { kind: "full" }]);
  });

  it("begins with what is new since the endpoints that the agent has, and goes on from there", async () => {
    const { channel, state, session } = setup({ endpoints: 7 });
    await turn();
    expect(channel.heard[0]).toMatchObject({ kind: "endpoints", from: 7, version: 10 });
    state.version = 12;
    state.endpoints = (since) => [part(since, 12, { removedServices: [serviceId("gone")] })];
    session.endpointsChanged();
    session.taskChanged(taskId("t2"), task("t2", 12));
    await turn();
    expect(channel.heard.slice(2)).toMatchObject([
      { kind: "endpoints", from: 10, version: 12, removedServices: ["gone"] },
      { kind: "delta", version: 12 },
    ]);
  });

  it("says nothing of a change that came to nothing", async () => {
    const { channel, state, session } = setup({ endpoints: 7 });
    await turn();
    state.version = 12;
    session.endpointsChanged();
    await turn();
    expect(channel.heard).toHaveLength(2);
  });

  it("sends a change to its end before the next one, and lets reports be confirmed meanwhile", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { channel, state, session } = setup({ blocked: promise });
    state.endpoints = (since) => {
      if (since > 0) return [part(since, 11, { removedServices: [serviceId("gone")] })];
      queueMicrotask(() => session.endpointsChanged());
      return WHOLE;
    };
    session.startOver();
    await turn();
    session.committed(1);
    channel.blocked = undefined;
    resolve();
    await turn();
    expect(channel.heard.slice(1)).toMatchObject([
      { kind: "committed" },
      { kind: "endpoints", part: 0 },
      { kind: "endpoints", part: 1 },
      { kind: "endpoints", part: 2, more: false },
      { kind: "endpoints", from: 10, version: 11 },
      { kind: "full" },
    ]);
  });

  it("confirms reports before it sends what has changed", async () => {
    const { channel, session } = setup();
    await turn();
    session.taskChanged(taskId("t1"), task("t1", 11));
    session.committed(1);
    session.committed(2);
    await turn();
    expect(channel.heard.slice(1)).toMatchObject([
      { kind: "full" },
      { kind: "committed", sequence: 1 },
      { kind: "committed", sequence: 2 },
      { kind: "delta" },
    ]);
  });

  it("says that the node was removed, and ends", async () => {
    const { channel, state, session, writing } = setup();
    await turn();
    state.full = undefined;
    session.resync();
    await writing;
    expect(channel.heard.at(-1)).toEqual({ kind: "removed" });
    expect(channel.closed).toBe(true);
  });

  it("stops writing when it is closed, and when the channel breaks", async () => {
    const closed = setup();
    await turn();
    closed.session.close();
    await closed.writing;
    const broken = setup();
    await turn();
    broken.channel.close();
    broken.session.resync();
    await expect(broken.writing).rejects.toThrow("the session is over");
  });
});
