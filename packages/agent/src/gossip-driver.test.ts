import { ManualClock, nodeId, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import { afterEach, describe, expect, it } from "vitest";
import { GossipDriver, type Datagrams, type ReliableChannel } from "./gossip-driver.ts";

/** Drivers on one simulated network: a datagram takes 2 ms, what is cut off gets nothing. */
class World {
  readonly clock = new ManualClock();
  readonly cut = new Set<string>();
  readonly drivers: GossipDriver[] = [];
  readonly #packets = new Map<string, (from: string, bytes: Uint8Array) => void>();
  readonly #deliveries = new Map<string, (bytes: Uint8Array) => void>();

  add(name: string): GossipDriver {
    const driver = new GossipDriver({
      self: { id: nodeId(name), address: name, meta: new Uint8Array() },
      datagrams: this.#datagrams(name),
      reliable: this.#reliable(name),
      clock: this.clock,
      random: new SeededRandom(name.length * 7 + name.charCodeAt(0)),
      log: silentLog,
    });
    this.drivers.push(driver);
    driver.start();
    return driver;
  }

  /** Hands bytes in as if they had come, well sealed, over either wire. */
  noise(to: string, bytes: Uint8Array): void {
    this.#packets.get(to)?.("nobody", bytes);
    this.#deliveries.get(to)?.(bytes);
  }

  #datagrams(name: string): Datagrams {
    return {
      send: (to, bytes) => {
        if (this.cut.has(name) || this.cut.has(to)) return;
        this.clock.setTimer(2, () => this.#packets.get(to)?.(name, bytes));
      },
      onDatagram: (listener) => this.#on(this.#packets, name, listener),
    };
  }

  #reliable(name: string): ReliableChannel {
    const reach = (to: string): Promise<void> =>
      this.cut.has(name) || this.cut.has(to) || !this.#deliveries.has(to)
        ? Promise.reject(new Error("not reached"))
        : Promise.resolve();
    return {
      probe: (to: string, _id: NodeId) => reach(to),
      deliver: ({ address }, bytes) => reach(address).then(() => this.#deliveries.get(address)?.(bytes)),
      onDelivery: (listener) => this.#on(this.#deliveries, name, listener),
    };
  }

  #on<T>(listeners: Map<string, T>, name: string, listener: T): () => void {
    listeners.set(name, listener);
    return () => void listeners.delete(name);
  }
}

describe("the gossip driver", () => {
  let world: World;
  const three = async (): Promise<readonly [GossipDriver, GossipDriver, GossipDriver]> => {
    world = new World();
    const drivers = [world.add("a"), world.add("b"), world.add("c")] as const;
    drivers[1].join(["a"]);
    drivers[2].join(["a"]);
    await world.clock.advance(5_000);
    return drivers;
  };

  afterEach(async () => {
    for (const driver of world.drivers) await driver.stop();
    await world.clock.advance(20_000);
    expect(world.clock.pending).toBe(0);
  });

  it("makes nodes know each other", async () => {
    const drivers = await three();
    for (const driver of drivers) {
      const known = driver.members().map(({ id, state }) => `${id} ${state}`);
      expect(new Set(known)).toEqual(new Set(["a alive", "b alive", "c alive"]));
    }
  });

  it("tells of a node that is cut off, and of its return", async () => {
    const [a] = await three();
    const seen: string[] = [];
    a.onMember((change, { id }) => seen.push(`${id} ${change}`));
    world.cut.add("c");
    await world.clock.advance(10_000);
    expect(seen).toEqual(["c suspected", "c dead"]);
    expect(a.isDead(nodeId("c"))).toBe(true);
    world.cut.clear();
    await world.clock.advance(20_000);
    expect(seen).toContain("c alive");
    expect(a.isDead(nodeId("c"))).toBe(false);
  });

  it("delivers what is published once to each other node", async () => {
    const [a, ...others] = await three();
    const heard: string[] = [];
    const text = new TextDecoder();
    for (const driver of [a, ...others]) {
      driver.onBroadcast((origin, key, payload) => heard.push(`${origin} ${key} ${text.decode(payload)}`));
    }
    a.publish({ key: "withdraw:t1", payload: new TextEncoder().encode("now"), ttlMs: 5_000 });
    await world.clock.advance(1_000);
    expect(heard).toEqual(["a withdraw:t1 now", "a withdraw:t1 now"]);
  });

  it("lets a listener publish", async () => {
    const [a, b] = await three();
    const heard: string[] = [];
    a.onBroadcast((_origin, key) => heard.push(key));
    b.onBroadcast((_origin, key) => b.publish({ key: `${key}-heard`, payload: new Uint8Array(), ttlMs: 1_000 }));
    a.publish({ key: "x", payload: new Uint8Array(), ttlMs: 1_000 });
    await world.clock.advance(1_000);
    expect(heard).toEqual(["x-heard"]);
  });

  it("leaves with a farewell", async () => {
    const [a, b] = await three();
    const left = b.leave();
    await world.clock.advance(3_000);
    expect(await left).toBe(true);
    expect(a.member(nodeId("b"))?.state).toBe("left");
    expect(a.isDead(nodeId("b"))).toBe(false);
  });

  it("takes no harm from what isn't gossip", async () => {
    const [a] = await three();
    world.noise("a", Uint8Array.of(1, 2, 3));
    world.noise("a", new Uint8Array(0));
    expect(a.members()).toHaveLength(3);
  });
});
