import { ClusterError, ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import type { InternalCommand } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { LivenessWatch } from "./liveness-watch.ts";
import type { GossipVerdict, Peers } from "./ports.ts";
import { ClusterStore } from "./testing/cluster-store.ts";

const NOTHING: Disposable = { [Symbol.dispose]: () => {} };

function setup() {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const scope = new Scope(silentLog, (error) => failures.push(error));
  const cluster = new ClusterStore(["n1", "n2", "n3", "n4"]);
  const verdicts = new Map<NodeId, GossipVerdict>();
  const sessions = new Set<NodeId>();
  const heard = new Set<NodeId>();
  const world = {
    /** What another manager says when it is asked for a session with a node. */
    answer: (_manager: NodeId, _node: unknown): Promise<unknown> => Promise.resolve(false),
    submit: (commands: readonly InternalCommand[]): Promise<unknown> => cluster.submit(commands),
    asked: 0,
  };
  const peers: Peers = {
    send: () => true,
    onMessage: () => NOTHING,
    handle: () => NOTHING,
    onPeerDown: () => NOTHING,
    call: (manager, _method, body) => {
      world.asked += 1;
      return world.answer(manager, body);
    },
  };
  new LivenessWatch({
    self: nodeId("n1"),
    view: () => cluster.store.view,
    liveness: { verdict: (id) => verdicts.get(id) ?? "alive" },
    peers,
    managers: () => ["n1", "n2", "n3"].map(nodeId),
    hasSession: (id) => sessions.has(id),
    hears: (id) => heard.has(id),
    submit: (commands) => world.submit(commands),
    clock,
    log: silentLog,
  }).start(scope);
  const stateOf = (id: string): string | undefined => cluster.store.view.node(nodeId(id))?.status.state;
  return { clock, scope, cluster, verdicts, sessions, heard, world, stateOf, failures };
}

describe("the watch over the nodes", () => {
  it("declares down whom gossip calls dead and no manager has a session with", async () => {
    const { clock, verdicts, world, stateOf } = setup();
    verdicts.set(nodeId("n4"), "dead");
    await clock.advance(100);
    expect(stateOf("n4")).toBe("down");
    expect(world.asked).toBe(2);
    await clock.advance(1_000);
    expect(world.asked).toBe(2);
    expect([stateOf("n1"), stateOf("n2"), stateOf("n3")]).toEqual(["ready", "ready", "ready"]);
  });

  it("believes a session, its own or another manager's, more than gossip", async () => {
    const { clock, verdicts, sessions, world, stateOf } = setup();
    sessions.add(nodeId("n4"));
    verdicts.set(nodeId("n4"), "dead").set(nodeId("n3"), "dead");
    world.answer = (manager, id) => Promise.resolve(manager === nodeId("n2") && id === nodeId("n3"));
    await clock.advance(5_000);
    expect([stateOf("n3"), stateOf("n4")]).toEqual(["ready", "ready"]);
    sessions.clear();
    await clock.advance(100);
    expect([stateOf("n3"), stateOf("n4")]).toEqual(["ready", "down"]);
  });

  it("believes what a manager sends more than gossip", async () => {
    const { clock, verdicts, heard, world, stateOf } = setup();
    heard.add(nodeId("n2"));
    verdicts.set(nodeId("n2"), "dead");
    await clock.advance(5_000);
    expect([stateOf("n2"), world.asked]).toEqual(["ready", 0]);
    heard.clear();
    await clock.advance(100);
    expect(stateOf("n2")).toBe("down");
  });

  it("does not ask the node itself, nor wait for managers that don't answer", async () => {
    const { clock, verdicts, world, stateOf } = setup();
    verdicts.set(nodeId("n2"), "dead");
    const asked: NodeId[] = [];
    world.answer = (manager) => {
      asked.push(manager);
      return Promise.reject(new ClusterError("timeout", "no answer"));
    };
    await clock.advance(100);
    expect(asked).toEqual([nodeId("n3")]);
    expect(stateOf("n2")).toBe("down");
  });

  it("gives nodes that gossip has not heard of yet time to show up", async () => {
    const { clock, verdicts, stateOf } = setup();
    verdicts.set(nodeId("n3"), "unheard").set(nodeId("n4"), "unheard");
    await clock.advance(9_900);
    expect([stateOf("n3"), stateOf("n4")]).toEqual(["ready", "ready"]);
    verdicts.set(nodeId("n3"), "alive");
    await clock.advance(200);
    expect([stateOf("n3"), stateOf("n4")]).toEqual(["ready", "down"]);
  });

  it("looks again before it writes, tries again when it can't write, and harms nobody by it", async () => {
    const { clock, verdicts, world, stateOf, failures, scope } = setup();
    verdicts.set(nodeId("n4"), "dead");
    const { promise, resolve } = Promise.withResolvers<unknown>();
    world.answer = () => promise;
    await clock.advance(200);
    verdicts.set(nodeId("n4"), "alive");
    resolve(false);
    await clock.advance(200);
    expect(stateOf("n4")).toBe("ready");
    const { submit } = world;
    world.submit = () => Promise.reject(new ClusterError("timeout", "no quorum"));
    verdicts.set(nodeId("n4"), "dead");
    await clock.advance(500);
    expect(stateOf("n4")).toBe("ready");
    world.submit = submit;
    await clock.advance(200);
    expect(stateOf("n4")).toBe("down");
    expect(failures).toEqual([]);
    await scope[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });
});
