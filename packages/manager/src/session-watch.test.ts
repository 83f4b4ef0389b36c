import { ClusterError, ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import type { InternalCommand } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { Peers } from "./ports.ts";
import { SessionWatch } from "./session-watch.ts";
import { ClusterStore } from "./testing/cluster-store.ts";

const NOTHING: Disposable = { [Symbol.dispose]: () => {} };

/** A leader n1 with the managers n2 and n3 and the worker n4; all are ready and have sessions with somebody. */
function setup() {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const scope = new Scope(silentLog, (error) => failures.push(error));
  const cluster = new ClusterStore(["n1", "n2", "n3", "n4"]);
  const own = new Set<NodeId>();
  const world = {
    /** Whom another manager has sessions with. */
    answer: (manager: NodeId): Promise<unknown> => Promise.resolve(manager === nodeId("n2") ? ["n2", "n4"] : ["n3"]),
    submit: (commands: readonly InternalCommand[]): Promise<unknown> => cluster.submit(commands),
    /** All nodes that are down, in order. */
    down: (): readonly NodeId[] =>
      cluster.store.view.nodes().flatMap(({ id, status }) => (status.state === "down" ? [id] : [])),
  };
  const peers: Peers = {
    send: () => true,
    onMessage: () => NOTHING,
    handle: () => NOTHING,
    onPeerDown: () => NOTHING,
    call: (manager) => world.answer(manager),
  };
  const watch = new SessionWatch({
    self: nodeId("n1"),
    view: () => cluster.store.view,
    peers,
    managers: () => ["n1", "n2", "n3"].map(nodeId),
    sessions: () => [...own],
    submit: (commands) => world.submit(commands),
    clock,
    log: silentLog,
  });
  watch.start(scope);
  return { clock, scope, cluster, own, world, failures };
}

describe("the watch over sessions", () => {
  it("declares down who has no session with any manager for a while, and nobody who has one", async () => {
    const { clock, world, own } = setup();
    await clock.advance(60_000);
    expect(world.down()).toEqual([]);
    world.answer = (manager) => Promise.resolve([manager]);
    await clock.advance(14_000);
    own.add(nodeId("n4"));
    await clock.advance(1_000);
    own.clear();
    await clock.advance(14_000);
    expect(world.down()).toEqual([]);
    await clock.advance(1_000);
    expect(world.down()).toEqual(["n4"]);
  });

  it("counts from the last time that the node was ready", async () => {
    const { clock, world, cluster } = setup();
    world.answer = (manager) => Promise.resolve([manager]);
    await clock.advance(15_000);
    expect(world.down()).toEqual(["n4"]);
    const ready = { kind: "setNodeState", id: nodeId("n4"), state: "ready", message: "" } as const;
    await clock.advance(60_000);
    cluster.apply({ ...ready, now: clock.now() });
    await clock.advance(14_000);
    expect(world.down()).toEqual([]);
    await clock.advance(1_000);
    expect(world.down()).toEqual(["n4"]);
  });

  it("passes over a manager that is silent now and then, and gives up one that stays silent", async () => {
    const { clock, world } = setup();
    const { answer } = world;
    const silent = (): Promise<never> => Promise.reject(new ClusterError("timeout", "no answer"));
    world.answer = (manager) => (manager === nodeId("n2") ? silent() : answer(manager));
    await clock.advance(14_000);
    world.answer = answer;
    await clock.advance(1_000);
    world.answer = (manager) => (manager === nodeId("n2") ? silent() : answer(manager));
    await clock.advance(14_000);
    expect(world.down()).toEqual([]);
    await clock.advance(1_000);
    expect(world.down()).toEqual(["n2", "n4"]);
  });

  it("tries again when it can't write, and ends with its scope", async () => {
    const { clock, world, failures, scope } = setup();
    const { submit } = world;
    world.answer = (manager) => Promise.resolve([manager]);
    world.submit = () => Promise.reject(new ClusterError("timeout", "no quorum"));
    await clock.advance(20_000);
    expect(world.down()).toEqual([]);
    world.submit = submit;
    await clock.advance(1_000);
    expect(world.down()).toEqual(["n4"]);
    expect(failures).toEqual([]);
    await scope[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });
});
