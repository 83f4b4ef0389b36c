import { ManualClock, nodeId, SeededRandom, silentLog, randomId } from "@murmur/base";
import { clusterId, DEFAULT_CLUSTER_SPEC, networkId, type Command } from "@murmur/model";
import { decodeMembership } from "@murmur/raft";
import { MemoryDisk } from "@murmur/storage";
import { createStore } from "@murmur/store";
import { describe, expect, it } from "vitest";
import { encodeEntry } from "./codec.ts";
import { wholeState, writeFirstSnapshot } from "./first-snapshot.ts";
import { Manager } from "./manager.ts";
import type { LogEntry } from "./ports.ts";

/** What a cluster's first entry says. */
const createCluster = (): Command => ({
  kind: "createCluster",
  cluster: {
    id: clusterId("c1"),
    spec: DEFAULT_CLUSTER_SPEC,
    caPem: "ca",
    secrets: { caKeyPem: "key", joinSecret: "secret", gossipKeys: ["k1"] },
  },
  defaultNetworkId: networkId("net0"),
  now: 1_000,
});

const SELF = nodeId("n1".padEnd(25, "0"));
const { signal } = new AbortController();

const membership = (index: number): LogEntry => ({ index, term: 1, kind: "membership", data: new Uint8Array() });
const noop = (index: number, term: number): LogEntry => ({ index, term, kind: "noop", data: new Uint8Array() });
const commands = (index: number, term: number): LogEntry => ({
  index,
  term,
  kind: "normal",
  data: encodeEntry({ requestId: `r${String(index)}`, commands: [createCluster()] }),
});

/** Lets simulated time pass until the work is done, a minute at most. */
async function during<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let settled = false;
  const watched = work.finally(() => (settled = true));
  for (let passed = 0; !settled; passed += 10) {
    if (passed > 60_000) throw new Error("nothing came of it in a minute of simulated time");
    await clock.advance(10);
  }
  return watched;
}

describe("a log that is begun anew", () => {
  it("has all that the old one held, also what was never known to be committed", async () => {
    const disk = new MemoryDisk();
    {
      await using old = await disk.open();
      await old.write({ hardState: { term: 4, commit: 1 }, entries: [membership(1), noop(2, 2), commands(3, 4)] });
    }
    await using again = await disk.open();
    const clock = new ManualClock();
    const state = await during(clock, wholeState(again, { clock, log: silentLog, signal }));
    expect([state.index, state.term]).toEqual([3, 4]);
    expect(state.store.view.cluster()?.spec.name).toBe("default");
  });

  it("has one voter, a later term and higher indexes than anything of before, and is led by it", async () => {
    const clock = new ManualClock();
    const random = new SeededRandom(1);
    const store = createStore();
    store.apply(7, createCluster());
    const disk = new MemoryDisk();
    {
      await using empty = await disk.open();
      await during(clock, writeFirstSnapshot(empty, { index: 9, term: 5, store }, { voter: SELF, clock, signal }));
    }
    await using storage = await disk.open();
    const { snapshot, hardState } = storage.recovered;
    expect(decodeMembership(snapshot?.membership ?? new Uint8Array()).voters).toEqual([SELF]);
    expect(snapshot?.index).toBeGreaterThan(1_000_000);
    expect(hardState).toEqual({ term: 6, commit: snapshot?.index });
    const starting = Manager.start({
      self: SELF,
      storage,
      peers: {
        send: () => false,
        onMessage: () => ({ [Symbol.dispose]: () => {} }),
        call: () => Promise.reject(new Error("there is nobody else")),
        handle: () => ({ [Symbol.dispose]: () => {} }),
        onPeerDown: () => ({ [Symbol.dispose]: () => {} }),
      },
      liveness: { verdict: () => "alive" },
      clock,
      random,
      log: silentLog,
      unseal: () => undefined,
      hasKeys: () => Promise.resolve(true),
      newId: () => randomId(random),
      bootstrap: { prepared: true, commands: [{ kind: "setRaftRoles", roles: {}, now: clock.now() }] },
      onFatal: (error) => {
        throw error;
      },
    });
    const manager = await during(clock, starting);
    expect(manager.status()).toMatchObject({ role: "leader", membership: { voters: [SELF] } });
    const { index, view, chunks } = await during(clock, manager.snapshot(signal));
    expect(index).toBe(manager.status().applied);
    expect(view.cluster()?.id).toBe(store.view.cluster()?.id);
    expect([...chunks].length).toBeGreaterThan(0);
    await manager[Symbol.asyncDispose]();
  });
});
