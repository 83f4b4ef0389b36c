import { nodeId } from "@murmur/base";
import { taskId, type AssignmentMessage, type Task } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Session, type NodeAssignment } from "./session.ts";
import { FakeChannel } from "./testing/fake-channel.ts";

const task = (id: string, version: number): Task => ({ id: taskId(id), version }) as unknown as Task;
const turn = async (): Promise<void> => {
  for (let count = 0; count < 20; count += 1) await Promise.resolve();
};

function setup() {
  const channel = new FakeChannel(nodeId("n1"));
  const state: { version: number; full: NodeAssignment | undefined } = {
    version: 10,
    full: {
      version: 10,
      node: { spec: { labels: {}, availability: "active" } },
      tasks: [task("t1", 9)],
      endpoints: { version: 10, networks: [], services: [] },
      cluster: { nodes: [], gossipKeys: [] },
    },
  };
  const session = new Session(channel, () => state.full && { ...state.full, version: state.version });
  const writing = session.write(() => state.version);
  return { channel, state, session, writing };
}
const deltas = (channel: FakeChannel) =>
  channel.heard.filter((message): message is Extract<AssignmentMessage, { kind: "delta" }> => message.kind === "delta");

describe("a session", () => {
  it("sends a full assignment first, then what changes", async () => {
    const { channel, state, session } = setup();
    await turn();
    expect(channel.heard).toMatchObject([{ kind: "full", version: 10, tasks: [{ id: "t1" }] }]);
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
    expect(channel.heard.map(({ kind }) => kind)).toEqual(["full", "full"]);
  });

  it("confirms reports before it sends what has changed", async () => {
    const { channel, session } = setup();
    await turn();
    session.taskChanged(taskId("t1"), task("t1", 11));
    session.committed(1);
    session.committed(2);
    await turn();
    expect(channel.heard).toMatchObject([
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
