import { ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import type { MemberListener } from "@murmur/agent";
import type { Member } from "@murmur/gossip";
import { networkId, type Guest } from "@murmur/model";
import { afterEach, beforeEach, expect, it } from "vitest";
import { GuestDesk, type GuestDeskOptions } from "./guest-desk.ts";

const guest = (on: string, ...names: readonly string[]): Guest => {
  return { networkId: networkId("net"), nodeId: nodeId(on), names, ipv4: "10.1.0.130" };
};

/** Nodes that reach each other in memory; each may be made not to answer. */
class World {
  readonly clock = new ManualClock();
  readonly states = new Map<NodeId, Member["state"]>();
  readonly listeners: MemberListener[] = [];
  readonly handlers = new Map<NodeId, (from: NodeId, body: unknown) => Promise<unknown>>();
  readonly peerUps = new Map<NodeId, (id: NodeId) => void>();
  readonly silent = new Set<NodeId>();
  readonly scopes: Scope[] = [];
  calls = 0;

  open(name: string): { readonly desk: GuestDesk; readonly known: () => readonly string[] } {
    const self = nodeId(name);
    this.states.set(self, "alive");
    let all: readonly Guest[] = [];
    const scope = new Scope(silentLog);
    this.scopes.push(scope);
    const transport: GuestDeskOptions["transport"] = {
      call: async (to, _method, body) => {
        this.calls += 1;
        const handler = this.handlers.get(to);
        if (handler === undefined || this.silent.has(to)) throw new Error("no answer");
        return handler(self, structuredClone(body));
      },
      handle: (_method, handler) => {
        this.handlers.set(self, (from, body) => handler(from, body, { signal: new AbortController().signal }));
        return { [Symbol.dispose]: () => void this.handlers.delete(self) };
      },
      onPeerUp: (listener) => {
        this.peerUps.set(self, listener);
        return { [Symbol.dispose]: () => void this.peerUps.delete(self) };
      },
    };
    const gossip: GuestDeskOptions["gossip"] = {
      member: (id) => this.#member(id),
      members: () => [...this.states.keys()].map((id) => this.#member(id)),
      onMember: (listener) => (this.listeners.push(listener), () => {}),
    };
    const onGuests = (guests: readonly Guest[]): void => void (all = guests);
    const desk = new GuestDesk({ self, transport, gossip, onGuests, clock: this.clock }, scope);
    return { desk, known: () => all.map(({ nodeId: on, names }) => `${on} ${names.join()}`).toSorted() };
  }

  is(name: string, state: Member["state"]): void {
    this.states.set(nodeId(name), state);
    for (const listener of this.listeners) listener("updated", this.#member(nodeId(name)));
  }

  #member(id: NodeId): Member {
    const state = this.states.get(id) ?? "dead";
    return { id, address: id, meta: new Uint8Array(), incarnation: 0, since: 0, state };
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  for (const scope of world.scopes) await scope[Symbol.asyncDispose]();
});

it("tells every live node what there is, and that it has ended", async () => {
  const [a, b] = [world.open("a"), world.open("b")];
  a.desk.set([guest("a", "hand", "db")]);
  b.desk.set([guest("b", "other")]);
  await world.clock.advance(1);
  expect([a.known(), b.known()]).toEqual([
    ["a hand,db", "b other"],
    ["a hand,db", "b other"],
  ]);
  const { calls } = world;
  a.desk.set([guest("a", "hand", "db")]);
  await world.clock.advance(60_000);
  expect(world.calls).toBe(calls);
  a.desk.set([]);
  await world.clock.advance(1);
  expect([a.known(), b.known()]).toEqual([["b other"], ["b other"]]);
});

it("tries again while a node doesn't answer, with what is so by then, and no more once it is dead", async () => {
  const [a, b] = [world.open("a"), world.open("b")];
  world.silent.add(nodeId("b"));
  a.desk.set([guest("a", "first")]);
  await world.clock.advance(10_000);
  a.desk.set([guest("a", "second")]);
  world.silent.clear();
  await world.clock.advance(30_000);
  expect(b.known()).toEqual(["a second"]);
  world.is("b", "dead");
  world.silent.add(nodeId("b"));
  const { calls } = world;
  a.desk.set([]);
  await world.clock.advance(120_000);
  expect(world.calls).toBe(calls);
  world.silent.clear();
  world.is("b", "alive");
  await world.clock.advance(1);
  expect(b.known()).toEqual([]);
});

it("tells a process that is another one by now, and forgets nodes that there aren't any more", async () => {
  const [a, former] = [world.open("a"), world.open("b")];
  a.desk.set([guest("a", "hand")]);
  await world.clock.advance(1);
  expect(former.known()).toEqual(["a hand"]);
  const b = world.open("b");
  world.peerUps.get(nodeId("a"))?.(nodeId("b"));
  await world.clock.advance(1_000);
  expect(b.known()).toEqual(["a hand"]);
  const all = [{ id: nodeId("a") }, { id: nodeId("b") }];
  b.desk.learn(all);
  expect(b.known()).toEqual(["a hand"]);
  b.desk.learn([{ id: nodeId("b") }]);
  expect(b.known()).toEqual([]);
  b.desk.learn(all);
  expect(b.known()).toEqual([]);
});

/*
 * A name that one node never knew (seed 1100067457). A manager's daemon started again, was told by a node that had joined since
 * which guests it has, and then heard from its own log, still behind, which nodes there are: it forgot what a node had told
 * that wasn't among them. For some tens of milliseconds only a manager is so far behind.
 */
it("keeps what a node has told of which it learns only later, until that has left", async () => {
  const [a, b] = [world.open("a"), world.open("b")];
  const old = [{ id: nodeId("b") }, { id: nodeId("long-gone") }];
  const now = [{ id: nodeId("a") }, { id: nodeId("b") }];
  a.desk.set([guest("a", "hand")]);
  await world.clock.advance(1);
  b.desk.learn(old);
  expect(b.known()).toEqual([]);
  b.desk.learn(old);
  b.desk.learn(now);
  expect(b.known()).toEqual(["a hand"]);

  const c = world.open("c");
  c.desk.learn(old);
  world.peerUps.get(nodeId("a"))?.(nodeId("c"));
  await world.clock.advance(1);
  world.is("a", "left");
  c.desk.learn(now);
  expect(c.known()).toEqual([]);
});

it("takes no older message of the same process, and refuses what is none", async () => {
  const b = world.open("b");
  const hear = world.handlers.get(nodeId("b"));
  const said = (version: number, ...names: readonly string[]) => {
    const guests = names.map((name) => ({ networkId: "net", names: [name], ipv4: "10.1.0.130" }));
    return hear?.(nodeId("a"), { since: 5, version, guests });
  };
  await said(2, "new");
  await said(1, "old");
  expect(b.known()).toEqual(["a new"]);
  await expect(hear?.(nodeId("a"), { since: 5, version: 3, guests: [{ names: "x" }] })).rejects.toMatchObject({
    code: "invalid_argument",
  });
});
